import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadAddon } from '../../src/device/load.js';
import { diagnose } from '../../src/index.js';

const library = new URL('../../dist/index.js', import.meta.url);
/**
 * Restores an image with so many threads, where after the addon is loaded no more than `limit` can be started, if one is given; tells how many
 * were there in the end that were not there before, and the image.
 */
const PROGRAM = `
  import { createHash } from 'node:crypto';
  import { readdirSync } from 'node:fs';
  import { readFile } from 'node:fs/promises';
  const { Embedding, Latino, superResolution } = await import(${JSON.stringify(library.href)});
  const [threads, limit] = process.argv.slice(1).map(Number);
  const running = () => readdirSync('/proc/self/task').length;
  await Promise.all(Array.from({ length: 16 }, () => readFile('/proc/self/stat'))); // Node's own threads for files
  const before = running();
  if (limit >= 0) process.env.LATINO_THREADS = limit;
  try {
    const latino = await Latino.load({ model: 'portraits', device: 'cpu', threads });
    const data = Float32Array.from({ length: 3 * 40 * 24 }, (_, i) => (i % 251) / 251);
    // In place of a prompt: the threads of a text encoder end two seconds after it was used.
    const embedding = new Embedding(new Float32Array(48 * 128), [1, 48, 128]);
    const options = { operator: superResolution({ factor: 4 }), sigma: 0.05, steps: 2, embedding, onWarning: () => {} };
    const { image } = await latino.restore({ data, width: 40, height: 24, channels: 3 }, options);
    const digest = createHash('sha256').update(image.data).digest('hex');
    console.log(JSON.stringify({ started: running() - before, threads: latino.device.threads, digest }));
    await latino.dispose();
  } catch ({ code }) {
    console.log(JSON.stringify({ code }));
  }
`;

async function restore(threads: number, limit = -1, env: NodeJS.ProcessEnv = {}) {
  const args = ['--input-type=module', '-e', PROGRAM, String(threads), String(limit)];
  // A process that hangs is ended, which is an error here.
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: { ...process.env, ...env }, timeout: 60_000 });
  return JSON.parse(stdout) as { started?: number; threads?: number; digest?: string; code?: string };
}

/** With a model loaded: that of the queue; of its loops, and of the UNet, the encoder and the decoder, all but the one that runs them. */
const loaded = (threads: number): number => 1 + (threads - 1) * (1 + 3);

describe.runIf(process.platform === 'linux')('threads', () => {
  it('are as many as the caller says, and the image does not depend on them', async () => {
    const alone = await restore(1);
    expect(alone).toMatchObject({ started: 1, threads: 1 });
    for (const threads of [2, 5]) {
      expect(await restore(threads)).toEqual({ started: loaded(threads), threads, digest: alone.digest });
    }
  });

  it('are as many as the process may use cores where the caller does not say', async () => {
    const cores = loadAddon().openDevice('cpu').threads;
    expect((await diagnose()).findings.threads.found).toMatch(new RegExp(`^${cores} of `));
    const taskset = spawnSync('taskset', ['-c', '0', process.execPath, ...doctor], { encoding: 'utf8' });
    if (taskset.error === undefined) expect(taskset.stdout).toMatch(/threads +1 of /);
  });
});

const doctor = [fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url)), 'doctor'];

const compiler = process.env.CC ?? 'cc';
const canPreload = process.platform === 'linux' && spawnSync(compiler, ['--version']).status === 0;

describe.runIf(canPreload)('where the system has no more threads', () => {
  let folder: string;
  let preload: string;
  let digest: string | undefined;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'latino-threads-'));
    preload = join(folder, 'thread_limit.so');
    const source = fileURLToPath(new URL('../support/thread_limit.c', import.meta.url));
    const { status, stderr } = spawnSync(compiler, ['-shared', '-fPIC', source, '-o', preload, '-ldl'], { encoding: 'utf8' });
    expect(stderr + status).toBe('0');
    ({ digest } = await restore(3));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('a device cannot be opened', async () => {
    expect(await restore(3, 0, { LD_PRELOAD: preload })).toEqual({ code: 'ERR_LATINO_DEVICE' });
  });

  // In turn: the device's queue, two threads of its loops, two of each network.
  it.each([1, 2, 3, 4, 5, 6, 8, 9, 10])('a restoration makes do with %i', async (limit) => {
    const started = Math.min(limit, loaded(3));
    expect(await restore(3, limit, { LD_PRELOAD: preload })).toMatchObject({ started, digest });
  });
});
