import { execFileSync } from 'node:child_process';
import { closeSync, cpSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Image, Latino, motionBlur, type Operator, superResolution } from '../../src/index.js';
import { portraits } from '../support/cli.js';
import { DEVICE } from '../support/device.js';

// What is asked: at any moment of a load, a restoration and a calibration an abort or a dispose ends it. How soon is measured by
// bench/interruption.mjs; here, that it ends there and then is seen by the progress that is not made any more, and that all memory is back.

const sample = join(portraits, 'samples/00.png');
const sr8 = { operator: superResolution({ factor: 8 }), sigma: 0.01 };
/** Solved by conjugate gradients, a hundred iterations and more a step. */
const slow: { operator: Operator; sigma: number } = { operator: motionBlur({ length: 15, angle: 30, boundary: 'reflect' }), sigma: 0.01 };

let latino: Latino;
let small: Image;
let blurred: Image;

beforeAll(async () => {
  latino = await Latino.load({ model: 'portraits', device: DEVICE });
  small = (await latino.degrade(sample, sr8)).image;
  blurred = (await latino.degrade(sample, slow)).image;
  // What is kept for the next call is there already when memory is counted.
  await latino.restore(small, { ...sr8, steps: 1 });
  await latino.restore(blurred, { ...slow, steps: 1 });
  await latino.calibrate([small], { ...sr8, settings: { passes: 1 } });
});
afterAll(() => latino.dispose());

const inUse = async (): Promise<number> => {
  await latino.device.synchronize();
  return latino.device.memory.inUse;
};

describe.each([0, 1, 3, 10, 30, 70])('an abort after %i ms', (milliseconds) => {
  const reason = new Error('no longer wanted');

  it.each([
    ['a restoration', (signal: AbortSignal) => latino.restore(small, { ...sr8, steps: 50, signal })],
    ['a restoration that solves by conjugate gradients', (signal: AbortSignal) => latino.restore(blurred, { ...slow, steps: 50, signal })],
    ['a calibration', (signal: AbortSignal) => latino.calibrate([small], { ...sr8, settings: { passes: 50 }, signal })],
    ['a restoration with calibration', (signal: AbortSignal) => latino.restore(small, { ...sr8, calibrate: { passes: 50 }, signal })],
  ])('ends %s with its reason and gives its memory back', async (_, begin) => {
    const before = await inUse();
    const controller = new AbortController();
    const work = begin(controller.signal);
    const outcome = work.then(
      () => 'done',
      (error: unknown) => error,
    );
    await sleep(milliseconds);
    controller.abort(reason);
    expect(await outcome).toBe(reason);
    expect(await inUse()).toBe(before);
    // The device goes on with others' work.
    const after = await latino.restore(small, { ...sr8, steps: 1 });
    expect(after.width).toBe(128);
  });

  it('ends a load with its reason', async () => {
    const controller = new AbortController();
    const outcome = Latino.load({ model: 'portraits', device: DEVICE, signal: controller.signal }).then(
      async (loaded) => {
        await loaded.dispose();
        return 'loaded';
      },
      (error: unknown) => error,
    );
    await sleep(milliseconds);
    controller.abort(reason);
    // A load may be over by then, on a fast machine.
    if (milliseconds < 3) expect(await outcome).toBe(reason);
    else expect([reason, 'loaded']).toContain(await outcome);
  });
});

describe('a load that waits for a file', () => {
  it('ends with its reason all the same', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'latino-slow-disk-'));
    const weights = join(folder, 'model/vae/diffusion_pytorch_model.safetensors');
    cpSync(portraits, join(folder, 'model'), { recursive: true });
    rmSync(weights);
    execFileSync('mkfifo', [weights]); // whoever opens it waits until somebody writes
    const controller = new AbortController();
    const outcome = Latino.load({ model: join(folder, 'model'), device: DEVICE, signal: controller.signal }).catch(
      (error: unknown) => error,
    );
    await sleep(50);
    controller.abort('no longer wanted');
    expect(await outcome).toBe('no longer wanted');
    closeSync(openSync(weights, 'w'));
    rmSync(folder, { recursive: true });
  });
});

describe('an abort of one', () => {
  it('leaves others on the same model alone', async () => {
    const alone = await latino.restore(small, { ...sr8, seed: 5 });
    const controller = new AbortController();
    const aborted = latino.restore(small, { ...sr8, steps: 50, signal: controller.signal }).catch((error: unknown) => error);
    const kept = latino.restore(small, { ...sr8, seed: 5 });
    await sleep(5);
    controller.abort();
    expect(await aborted).toMatchObject({ name: 'AbortError' });
    expect((await kept).image.data).toEqual(alone.image.data);
  });
});

describe('dispose', () => {
  it('ends what is under way, and refuses what comes after', async () => {
    const own = await Latino.load({ model: 'portraits', device: DEVICE });
    const { device } = own;
    const running = [
      own.restore(small, { ...sr8, steps: 50 }),
      own.restore(blurred, { ...slow, steps: 50 }),
      own.calibrate([small], { ...sr8, settings: { passes: 50 } }),
    ].map((work) => work.catch((error: unknown) => error));
    await sleep(20);
    await own.dispose();
    const disposed = expect.objectContaining({ code: 'ERR_LATINO_DISPOSED' });
    expect(await Promise.all(running)).toEqual([disposed, disposed, disposed]);
    await expect(own.restore(small, sr8)).rejects.toThrow(disposed);
    await own.dispose();
    await device.synchronize();
    expect(device.memory.inUse).toBe(0);
  });
});
