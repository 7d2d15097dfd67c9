import { execFile } from 'node:child_process';
import { on } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';

const library = new URL('../../dist/index.js', import.meta.url);
/** Restores one image in a thread of its own with a model of its own, and posts a checksum of the result. */
const PROGRAM = `
  const { parentPort } = require('node:worker_threads');
  import(${JSON.stringify(library.href)}).then(async ({ Latino, superResolution }) => {
    const latino = await Latino.load({ model: 'portraits' });
    parentPort.postMessage('loaded');
    const data = Uint8Array.from({ length: 3 * 16 * 16 }, (_, i) => i % 251);
    const options = { operator: superResolution({ factor: 8 }), sigma: 0.05, steps: 10, seed: 1 };
    const { image } = await latino.restore({ data, width: 16, height: 16, channels: 3 }, options);
    await latino.dispose();
    parentPort.postMessage(image.data.reduce((sum, value, i) => sum + value * (i % 7), 0));
  });
`;

/** A worker with its two messages: that the model is loaded, and the checksum. */
function start(program = PROGRAM): { worker: Worker; loaded: Promise<unknown>; result: Promise<unknown> } {
  const worker = new Worker(program, { eval: true });
  const messages = on(worker, 'message');
  const next = async (): Promise<unknown> => ((await messages.next()).value as unknown[])[0];
  const loaded = next();
  return { worker, loaded, result: loaded.then(next) };
}

const loader = new URL('../../dist/device/load.js', import.meta.url);
/** Uploads and downloads large arrays, reads and compares pictures, without an end. */
const COPIES = `
  const { parentPort } = require('node:worker_threads');
  import(${JSON.stringify(loader.href)}).then(async ({ loadAddon }) => {
    const addon = loadAddon();
    const device = addon.openDevice('cpu');
    parentPort.postMessage('loaded');
    const picture = new Float32Array(1 << 23);
    while (true) {
      const tensors = [0, 1, 2].map(() => device.upload(picture, [1 << 23]));
      const size = { width: 1 << 12, height: 1 << 11 };
      await Promise.race([...tensors.map((tensor) => tensor.read()), addon.ssim(picture, picture, size), addon.pixelsFromPicture(picture, 1, 16)]);
      for (const tensor of tensors) tensor.dispose();
    }
  });
`;

describe('worker threads', () => {
  it('restore side by side, each the same image', async () => {
    const [first, second] = await Promise.all([start().result, start().result]);
    expect(first).toBeTypeOf('number');
    expect(second).toBe(first);
  });

  it('may be ended in the middle of loading and of restoring', async () => {
    for (const delay of [0, 40, 80, 120]) {
      const { worker } = start();
      await setTimeout(delay);
      await worker.terminate();
    }
    for (const delay of [0, 5, 20]) {
      const { worker, loaded } = start();
      expect(await loaded).toBe('loaded');
      await setTimeout(delay);
      await worker.terminate();
    }
    expect(await start().result).toBeTypeOf('number');
  });

  it('may be ended while their arrays are read and written', async () => {
    for (const delay of [0, 10, 20, 35, 50, 70, 100]) {
      const { worker, loaded } = start(COPIES);
      expect(await loaded).toBe('loaded');
      await setTimeout(delay);
      await worker.terminate();
    }
  });

  it('may be all that uses the addon, and be ended in the middle of any call', async () => {
    const program = fileURLToPath(new URL('../support/ended_workers.mjs', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [program, loader.href]);
    expect(stdout).toBe('40\n');
  });
});
