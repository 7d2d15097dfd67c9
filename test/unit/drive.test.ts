import { describe, expect, it } from 'vitest';
import type { Tensor } from '../../src/device/addon.js';
import { loadAddon } from '../../src/device/load.js';
import { drive } from '../../src/solver/drive.js';
import { DEVICE } from '../support/device.js';

const addon = loadAddon(DEVICE);
const device = addon.openDevice(DEVICE);

interface Count {
  readonly m: Tensor;
  readonly index: number;
}

/** A solver whose steps are numbers on the device; says what it does. */
async function* counting(steps: number, log: string[]): AsyncGenerator<Count, Tensor, undefined> {
  try {
    for (let index = 1; index <= steps; index++) {
      log.push(`enqueue ${index}`);
      using m = device.full([1], index);
      yield { m, index };
    }
    return device.full([1], -1);
  } finally {
    log.push('cleared');
  }
}

describe('driving a solver', () => {
  it('stays one step ahead, tells the steps in order, and returns the result', async () => {
    const log: string[] = [];
    using result = await drive(counting(4, log), {
      see: async ({ m }) => Number((await m.read())[0]),
      done: ({ index }, seen) => log.push(`done ${index} ${seen}`),
    });
    expect([...((await result.read()) as Float32Array)]).toEqual([-1]);
    expect(log).toEqual(['enqueue 1', 'enqueue 2', 'done 1 1', 'enqueue 3', 'done 2 2', 'enqueue 4', 'done 3 3', 'cleared', 'done 4 4']);
  });

  it('keeps nothing when a listener throws, in the middle or at the end', async () => {
    await device.synchronize();
    const { inUse } = device.memory;
    for (const at of [1, 2, 3]) {
      const log: string[] = [];
      const done = ({ index }: Count): void => {
        if (index === at) throw new Error(`at ${at}`);
      };
      await expect(drive(counting(3, log), { done })).rejects.toThrow(`at ${at}`);
      expect(log.at(-1)).toBe('cleared');
    }
    await device.synchronize();
    expect(device.memory.inUse).toBe(inUse);
  });

  it('throws what a preview fails with, once', async () => {
    const see = ({ index }: Count): Promise<number> | undefined => (index === 2 ? Promise.reject(new Error('no preview')) : undefined);
    await expect(drive(counting(5, []), { see })).rejects.toThrow('no preview');
  });

  it('stops at an abort with its reason', async () => {
    const controller = new AbortController();
    const log: string[] = [];
    const done = ({ index }: Count): void => {
      if (index === 2) controller.abort('enough');
    };
    await expect(drive(counting(50, log), { signal: controller.signal, done })).rejects.toBe('enough');
    expect(log.filter((line) => line.startsWith('enqueue')).length).toBeLessThanOrEqual(4);
    expect(log.at(-1)).toBe('cleared');
  });
});
