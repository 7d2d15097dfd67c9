import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Addon, Device, Tensor } from '../../src/device/addon.js';
import { loadAddon } from '../../src/device/load.js';
import { DEVICE } from '../support/device.js';
import { withCode } from '../support/errors.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

let addon: Addon;
let device: Device;
beforeAll(() => {
  addon = loadAddon(DEVICE);
  device = addon.openDevice(DEVICE);
});

describe('openDevice', () => {
  it('opens the one that is named', () => {
    expect(device).toMatchObject({ kind: DEVICE === 'cpu' ? 'cpu' : 'cuda', index: 0, name: DEVICE });
    expect(addon.openDevice(DEVICE, { threads: 1 }).name).toBe(DEVICE);
  });

  it.each([0, -1, 1.5, 1025, Number.NaN, '2', null])('refuses %s threads', (threads) => {
    expect(() => addon.openDevice(DEVICE, { threads: threads as number })).toThrow(withCode('ARGUMENT', /from 1 to 1024 for threads but/));
  });

  it('refuses devices that are not there', () => {
    // An addon has one kind of device, and no machine so many of them.
    expect(() => addon.openDevice(DEVICE === 'cpu' ? 'cuda:0' : 'cpu')).toThrow(withCode('DEVICE', /cuda:/));
    expect(() => addon.openDevice('cuda:99')).toThrow(withCode('DEVICE', /cuda:99/));
    expect(() => addon.openDevice('tpu')).toThrow(withCode('DEVICE', /tpu/));
    expect(() => addon.openDevice(0 as unknown as string)).toThrow(withCode('ARGUMENT', /a string for device but received 0/));
  });
});

describe('Tensor', () => {
  it.each([
    ['f32', Float32Array.of(1, -2, Number.NaN)],
    ['i64', BigInt64Array.of(1n, -(2n ** 63n), 3n)],
    ['f16', Uint16Array.of(0x3c00, 0, 0xffff)],
  ])('keeps values of %s, and counts the copies', async (dtype, values) => {
    const before = device.transfers;
    using tensor = device.upload(values, [3, 1]);
    expect(tensor).toMatchObject({ shape: [3, 1], dtype, disposed: false });
    expect(await tensor.read()).toEqual(values);
    const { uploads, uploadBytes, downloads, downloadBytes } = device.transfers;
    expect([uploads - before.uploads, downloads - before.downloads]).toEqual([1, 1]);
    expect([uploadBytes - before.uploadBytes, downloadBytes - before.downloadBytes]).toEqual([values.byteLength, values.byteLength]);
  });

  it('is a copy of what it was made from, and of a part of a buffer where it was one', async () => {
    const values = Float32Array.of(0, 1, 2, 3);
    using tensor = device.upload(values.subarray(1, 3), [2]);
    values.fill(9);
    expect(await tensor.read()).toEqual(Float32Array.of(1, 2));
  });

  it('is read from a large array while JavaScript goes on, and owns it no longer once it is ready', async () => {
    const large = Float32Array.from({ length: 1 << 20 }, (_, i) => i);
    using busy = device.randn([1 << 24], 1, 0);
    // By the time the queue comes to them nobody else holds the arrays, and their memory is another's if it was given back.
    const tensors = Array.from({ length: 8 }, (_, k) => device.upload(large.map((value) => value + k).subarray(k), [(1 << 20) - k]));
    expect(busy.disposed).toBe(false);
    collectGarbage();
    const others = Array.from({ length: 16 }, () => new Float32Array(1 << 20).fill(-1));
    expect(others.at(-1)!.at(-1)).toBe(-1);
    for (const [k, tensor] of tensors.entries()) {
      const values = (await tensor.read()) as Float32Array;
      expect([values.length, values[0], values.at(-1)]).toEqual([(1 << 20) - k, 2 * k, (1 << 20) - 1 + k]);
      tensor.dispose();
    }
    using tensor = device.upload(large, [1 << 20]);
    await tensor.ready();
    large.fill(9);
    expect(((await tensor.read()) as Float32Array)[7]).toBe(7);
  });

  it('is more than JavaScript can hold without harm', async () => {
    using huge = device.full([2 ** 49], 0);
    await expect(huge.read()).rejects.toThrow(withCode('DEVICE_MEMORY'));
  });

  it('is made of shared memory, too', async () => {
    using tensor = device.upload(new Float32Array(new SharedArrayBuffer(12), 4).fill(3), [2]);
    expect(await tensor.read()).toEqual(Float32Array.of(3, 3));
  });

  it('may be empty, or a scalar', async () => {
    using empty = device.upload(new Float32Array(0), [2, 0]);
    using scalar = device.full([], 3);
    expect(await empty.read()).toEqual(new Float32Array(0));
    expect(await scalar.read()).toEqual(Float32Array.of(3));
  });

  it('moves nothing to the host but by read', async () => {
    const { uploads, downloads } = device.transfers;
    using ones = device.full([1000], 1);
    using noise = device.randn([1000], 1, 0);
    using sum = addon.linearCombination(1, ones, 2, noise);
    await sum.ready();
    expect(device.transfers).toMatchObject({ uploads, downloads });
  });

  it('gives its memory back when it is disposed, and cannot be used again', async () => {
    await device.synchronize();
    const { inUse } = device.memory;
    const tensor = device.full([1 << 20], 1);
    await tensor.ready();
    expect(device.memory.inUse).toBeGreaterThanOrEqual(inUse + (4 << 20));
    tensor.dispose();
    tensor.dispose();
    await device.synchronize();
    expect(device.memory.inUse).toBe(inUse);
    expect(tensor.disposed).toBe(true);
    for (const use of [() => tensor.read(), () => tensor.ready(), () => tensor.shape, () => tensor.dtype, () => addon.norm(tensor)])
      expect(use).toThrow(withCode('DISPOSED', /live tensor/));
  });

  it('may be disposed while its work is under way', async () => {
    const x = device.full([1 << 18], 2);
    const reading = x.read();
    x.dispose();
    expect((await reading).at(-1)).toBe(2);
  });

  it.each<[unknown, unknown, string, RegExp]>([
    [Float32Array.of(1, 2), [3], 'SHAPE', /3 values for shape \[3\] but received 2/],
    [Float32Array.of(1), [-1], 'SHAPE', /0 or more/],
    [Float32Array.of(1), [2 ** 31, 2 ** 31], 'SHAPE', /fits in memory/],
    [Float32Array.of(1), [0.5], 'ARGUMENT', /an integer for shape but received 0\.5/],
    [Float32Array.of(1), 'x', 'ARGUMENT', /array of integers for shape but received 'x'/],
    [[1], [1], 'ARGUMENT', /Float32Array.* for data but received an array/],
    [Float64Array.of(1), [1], 'ARGUMENT', /for data but received a typed array of another kind/],
    [undefined, [1], 'ARGUMENT', /for data but received undefined/],
  ])('refuses %o of shape %o', (data, shape, code, message) => {
    expect(() => device.upload(data as Float32Array, shape as number[])).toThrow(withCode(code, message));
  });
});

describe('randn', () => {
  const draw = async (seed: number | bigint, call: number, on = device): Promise<unknown> => {
    using noise = on.randn([5, 7], seed, call);
    return noise.read();
  };

  it('depends on the seed and the call, and on nothing else', async () => {
    const noise = await draw(7, 3);
    expect(await draw(7n, 3)).toEqual(noise);
    expect(await draw(7, 3, addon.openDevice(DEVICE, { threads: 1 }))).toEqual(noise);
    for (const [seed, call] of [
      [8, 3],
      [7, 4],
      [3, 7],
    ] as const)
      expect(await draw(seed, call)).not.toEqual(noise);
    expect(await draw(2n ** 64n - 1n, 0)).not.toEqual(await draw(2n ** 32n - 1n, 0));
  });

  it.each([-1, 1.5, 2n ** 64n, -1n, 'a'])('refuses the seed %s', (seed) => {
    expect(() => device.randn([1], seed as number, 0)).toThrow(withCode('ARGUMENT', /seed/));
  });

  it.each([-1, 0.5])('refuses the call %s', (call) => {
    expect(() => device.randn([1], 0, call)).toThrow(withCode('ARGUMENT', /call/));
  });
});

describe('an error of the work', () => {
  it('reaches whoever waits for what depends on it, and nobody else', async () => {
    const huge = device.full([2 ** 49], 0);
    const dependent = addon.clip(huge, 0, 1);
    const independent = addon.clip(device.full([2], 3), 0, 1);
    await expect(dependent.read()).rejects.toThrow(withCode('DEVICE_MEMORY'));
    await expect(dependent.ready()).rejects.toThrow(withCode('DEVICE_MEMORY'));
    expect(await independent.read()).toEqual(Float32Array.of(1, 1));
    await device.synchronize();
  });
});

describe('what comes from elsewhere', () => {
  it('is named, with what came instead', () => {
    using x = device.full([1], 1);
    for (const [value, description] of [
      [undefined, 'undefined'],
      [3, '3'],
      ['x', "'x'"],
      [() => 1, 'a function'],
      [[1], 'an array'],
      [Float32Array.of(1), 'a typed array'],
      [device, 'an object of another kind'],
      [Object.create(x), 'an object of another kind'],
      [Object.setPrototypeOf({}, Object.getPrototypeOf(x)), 'an object of another kind'],
    ] as const)
      expect(() => addon.norm(value as unknown as Tensor)).toThrow(
        withCode('ARGUMENT', new RegExp(`a Tensor for x but received ${description}`)),
      );
    expect(() => addon.identity(x as unknown as Device)).toThrow(withCode('ARGUMENT', /a Device for device but received an object/));
  });

  it('is not taken for this: methods called on other objects throw and do not crash', async () => {
    using x = device.full([2, 3, 4, 4], 1);
    const operator = addon.identity(device);
    const objects: Record<string, object> = { Device: device, Tensor: x, Operator: operator };
    for (const [name, object] of Object.entries(objects)) {
      const prototype = Object.getPrototypeOf(object) as object;
      const strangers: unknown[] = [undefined, null, 1, {}, [], new Map(), prototype, Object.create(object)];
      for (const [other, stranger] of Object.entries(objects)) if (other !== name) strangers.push(stranger);
      const members = Reflect.ownKeys(prototype).filter((key) => key !== 'constructor');
      expect(members.length).toBeGreaterThan(2);
      for (const key of members) {
        const { value, get } = Object.getOwnPropertyDescriptor(prototype, key)!;
        for (const stranger of strangers) {
          // V8 refuses most of them by itself.
          expect(() => Reflect.apply((value ?? get) as () => void, stranger, [x, x, 1]), `${name}.${String(key)}`).toThrow(
            /for this but received|Illegal invocation/,
          );
        }
      }
    }
    // A prototype can be forged, what lies behind an object cannot.
    const forged = addon.openDevice(DEVICE);
    Object.setPrototypeOf(forged, Object.getPrototypeOf(x));
    expect(() => addon.norm(forged as unknown as Tensor)).toThrow(withCode('ARGUMENT', /a Tensor for x/));
    expect(() => (forged as unknown as Tensor).shape).toThrow(/a Tensor for this|Illegal invocation/);
  });

  it('cannot be made by the constructors', () => {
    using x = device.full([1], 1);
    for (const object of [device, x, addon.identity(device)])
      expect(() => Reflect.construct(object.constructor as new () => object, [])).toThrow(withCode('ARGUMENT', /come from the addon/));
  });

  it('is refused when it is of another device', () => {
    const other = addon.openDevice(DEVICE, { threads: 1 });
    using x = device.full([1, 1, 2, 2], 1);
    using y = other.full([1, 1, 2, 2], 1);
    for (const mix of [
      () => addon.linearCombination(1, x, 1, y),
      () => addon.identity(device).prox(x, y, 1),
      () => addon.identity(device).prox(x, x, other.full([1], 1)),
      () => addon.mask(device, 2, 2, new Uint8Array(4)).forward(y),
    ])
      expect(mix).toThrow(withCode('ARGUMENT', /on one device/));
  });
});
