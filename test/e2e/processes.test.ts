import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandLine, execute, expectRefusal, portraits, run } from '../support/cli.js';

// What only a process of its own can show: its exit status, what the operating system refuses, and that libraries print nothing of their own.

const folder = mkdtempSync(join(tmpdir(), 'latino-processes-'));
const at = (name: string): string => join(folder, name);
/** Holds what the command line writes: nothing, where it fails. */
const outputs = at('outputs');
const output = join(outputs, 'restored.png');
const denoise = ['restore', join(portraits, 'samples/03.png'), '--task', 'denoise', '--sigma', '0.1', '--steps', '1'];

beforeAll(() => mkdirSync(outputs));
afterAll(() => {
  chmodSync(outputs, 0o755);
  rmSync(folder, { recursive: true });
});

describe('a process', () => {
  it('ends with the status of its command, and prints what the command prints', async () => {
    const done = await execute([...commandLine, ...denoise, '-o', at('restored.png')]);
    expect(done).toEqual({ status: 0, stdout: expect.stringMatching(/^[^\n]+restored\.png: 128 × 128, [\d.]+ s\n$/), stderr: '' });
    expectRefusal(
      await execute([...commandLine, 'restore', at('missing.png'), ...denoise.slice(2), '-o', output]),
      'IMAGE',
      /no such file/,
    );
  });
});

function directory(name: string): string {
  mkdirSync(at(name));
  return at(name);
}

function file(name: string): string {
  writeFileSync(at(name), '');
  return at(name);
}

/** The program without what lets root ignore permissions. */
const unprivileged = process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-all', '--inh-caps=-all'] : [];

function works(program: string, ...args: string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('an output that cannot be written is said before and after the work', () => {
  it.each([
    ['in a folder that is not there', () => at('none/restored.png'), /its folder does not exist/],
    ['in a file', () => join(file('plain'), 'restored.png'), /its folder is not a folder/],
    ['in place of a folder', () => directory('folder.png'), /it is a folder/],
    ['of an unknown format', () => join(outputs, 'restored.xyz'), /as the output's extension/],
  ])('%s', async (_what, path, says) => {
    expectRefusal(await run(...denoise, '-o', path()), 'OUTPUT', says);
    expect(readdirSync(outputs)).toEqual([]);
  });

  it.skipIf(unprivileged.length > 0 && !works('setpriv', '--version'))('without permission', async () => {
    chmodSync(outputs, 0o555);
    const outcome = await execute([...unprivileged, ...commandLine, ...denoise, '-o', output]).finally(() => chmodSync(outputs, 0o755));
    expectRefusal(outcome, 'OUTPUT', /no permission/);
    expect(readdirSync(outputs)).toEqual([]);
  });

  // A file system of its own, seen by this process and its children alone: `script` runs with the mount point as $0.
  const mounted = (options: string, script: string): string[] => [
    ...['unshare', '--mount', '--user', '--map-root-user'],
    ...['sh', '-c', `mount -t tmpfs -o ${options} tmpfs "$0" && { ${script}; }`, outputs],
  ];
  const canMount =
    process.platform === 'linux' && works('unshare', '--mount', '--user', '--map-root-user', 'mount', '-t', 'tmpfs', 'tmpfs', tmpdir());
  const shell = (args: readonly string[]): string => args.map((arg) => `'${arg}'`).join(' ');

  it.skipIf(!canMount)('on a full disk', async () => {
    const command = `${shell([...commandLine, ...denoise, '-o', output])}; status=$?; ls -A "$0"; exit $status`;
    // Nothing is wrong with what was asked for: the same command may go well another time.
    const sentence = expect.stringMatching(/^latino-native: Cannot write .+: the disk is full \[ERR_LATINO_OUTPUT\]\n$/);
    expect(await execute(mounted('size=8k', command))).toEqual({ status: 1, stdout: '', stderr: sentence });
  });

  it.skipIf(!canMount)('on a read-only file system', async () => {
    expectRefusal(await execute(mounted('ro', shell([...commandLine, ...denoise, '-o', output]))), 'OUTPUT', /read-only/);
  });

  it('beyond the limit on the size of files', async () => {
    const outcome = await execute(['bash', '-c', `ulimit -f 8; exec ${shell([...commandLine, ...denoise, '-o', output])}`]);
    expectRefusal(outcome, 'OUTPUT', /larger than a limit allows/);
    expect(readdirSync(outputs)).toEqual([]);
  });
});

describe('what ONNX Runtime refuses', () => {
  it('is an error with its message, and no line of its own on standard error', async () => {
    const built = (module: string): string => JSON.stringify(new URL(`../../dist/${module}.js`, import.meta.url).href);
    const script = `
      const { loadAddon } = await import(${built('device/load')});
      const { compile } = await import(${built('graph/compile')});
      const { Graph } = await import(${built('graph/graph')});
      const { cpu } = await import(${built('graph/targets/cpu/cpu')});
      const graph = new Graph('test', {});
      const inputs = ['x', 'y'].map((name) => graph.input(name, 'f32', [name]));
      graph.output('sum', graph.op('Add', inputs, { dims: ['x'] }));
      const { model, options } = compile(graph, cpu);
      const addon = loadAddon();
      const device = addon.openDevice('cpu');
      const session = await addon.createSession(device, model, options);
      const { sum } = session.run({ x: device.full([2], 1), y: device.full([3], 1) }, { sum: [2] });
      await sum.read().catch(({ message }) => console.log(message));`;
    const outcome = await execute([process.execPath, '--input-type=module', '-e', script]);
    expect(outcome).toEqual({ status: 0, stdout: expect.stringMatching(/Add node/), stderr: '' });
  });
});
