import { Worker } from 'node:worker_threads';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Addon, Device } from '../../src/device/addon.js';
import { loadAddon } from '../../src/device/load.js';
import { LatinoError } from '../../src/errors.js';
import { DEVICE } from '../support/device.js';

let addon: Addon;
let device: Device;
beforeAll(() => {
  addon = loadAddon(DEVICE);
  device = addon.openDevice(DEVICE, { threads: 1 });
});

const failure = async (body: () => unknown): Promise<unknown> => {
  try {
    return await body();
  } catch (error) {
    return error;
  }
};

describe('an error made in C++', () => {
  it.each<[string, string, () => unknown]>([
    ['a function', 'ERR_LATINO_ARGUMENT', () => addon.norm(undefined as never)],
    ['a constructor', 'ERR_LATINO_ARGUMENT', () => Reflect.construct(device.constructor as new () => object, [])],
    ['a method', 'ERR_LATINO_SHAPE', () => device.upload(new Float32Array(1), [2])],
    ['a device', 'ERR_LATINO_DEVICE', () => addon.openDevice('tpu')],
    ['a promise of the queue', 'ERR_LATINO_DEVICE_MEMORY', () => device.full([2 ** 49], 0).read()],
    ['a promise of a session', 'ERR_LATINO_MODEL', () => addon.createSession(device, Uint8Array.of(1, 2, 3))],
  ])('from %s is a LatinoError like those of TypeScript', async (_, code, body) => {
    const error = await failure(body);
    expect(error).toBeInstanceOf(LatinoError);
    expect(error).toMatchObject({
      name: 'LatinoError',
      code,
      message: expect.stringMatching(/./),
      stack: expect.stringMatching(/^LatinoError: ./),
    });
    expect(Object.keys(error as object).sort()).toEqual(Object.keys(new LatinoError('ERR_LATINO_SHAPE', '')).sort());
  });

  it('is one of a worker thread in a worker thread', async () => {
    const modules = ['device/load.js', 'errors.js'].map((file) => new URL(`../../dist/${file}`, import.meta.url).href);
    const worker = new Worker(
      `Promise.all(${JSON.stringify(modules)}.map((file) => import(file))).then(async ([{ loadAddon }, { LatinoError }]) => {
        const device = loadAddon().openDevice('cpu');
        const errors = [await device.full([2 ** 49], 0).read().catch((error) => error)];
        try { device.upload(1, 2); } catch (error) { errors.push(error); }
        require('node:worker_threads').parentPort.postMessage(errors.map((error) => [error instanceof LatinoError, error.code]));
      });`,
      { eval: true },
    );
    const posted = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    await worker.terminate();
    expect(posted).toEqual([
      [true, 'ERR_LATINO_DEVICE_MEMORY'],
      [true, 'ERR_LATINO_ARGUMENT'],
    ]);
  });
});
