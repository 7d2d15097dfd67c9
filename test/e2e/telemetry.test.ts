import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { commandLine, portraits } from '../support/cli.js';

const hasStrace = process.platform === 'linux' && spawnSync('strace', ['-V']).status === 0;

/** Each process gets a home and a folder for temporary files of its own, where nothing is but what it leaves. */
describe('a restoration', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'latino-telemetry-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Restores a sample as a person's shell does, where nothing tells the library that it is being tested (`CI`), and lists what is left. */
  function restore(prefix: readonly string[] = [], own: Readonly<Record<string, string>> = {}): string[] {
    const { CI: _ci, ORT_DISABLE_TELEMETRY: _telemetry, XDG_CACHE_HOME: _cache, ...env } = process.env;
    const sample = join(portraits, 'samples/03.png');
    const options = ['--task', 'denoise', '--sigma', '0.1', '--steps', '1'];
    const command = [...prefix, ...commandLine, 'restore', sample, ...options, '-o', join(folder, 'out.png')];
    execFileSync(command[0]!, command.slice(1), {
      env: { ...env, ...own, HOME: folder, TMPDIR: folder, TMP: folder, TEMP: folder },
      stdio: 'pipe',
    });
    return readdirSync(folder).sort();
  }

  it('leaves nothing but its image', () => {
    expect(restore()).toEqual(['out.png']);
  });

  it.runIf(hasStrace)('opens no socket beyond those of the machine itself', () => {
    const trace = join(folder, 'trace');
    expect(restore(['strace', '-f', '-qq', '-e', 'trace=socket,connect', '-o', trace])).toEqual(['out.png', 'trace']);
    const calls = readFileSync(trace, 'utf8').split('\n');
    expect(calls.filter((call) => /\b(socket|connect)\(/.test(call) && !/AF_UNIX/.test(call))).toEqual([]);
  });

  // Which also shows that the library would, and that the tests above can fail. What it sends does not leave this machine.
  it.runIf(hasStrace)('has telemetry where its user asks for it', () => {
    const offline = ['strace', '-f', '-qq', '-e', 'trace=connect', '-e', 'inject=connect:error=ENETUNREACH', '-o', '/dev/null'];
    expect(restore(offline, { ORT_DISABLE_TELEMETRY: '0' })).not.toEqual(['out.png']);
  });
});
