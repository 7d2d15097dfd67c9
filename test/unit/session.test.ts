import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Addon, Device, Session, SessionOptions } from '../../src/device/addon.js';
import { loadAddon } from '../../src/device/load.js';
import { compile } from '../../src/graph/compile.js';
import { Graph } from '../../src/graph/graph.js';
import type { WeightInfo, WeightStore } from '../../src/graph/weights.js';
import { DEVICE, TARGET } from '../support/device.js';
import { withCode } from '../support/errors.js';

const folder = mkdtempSync(join(tmpdir(), 'latino-session-'));
afterAll(() => rmSync(folder, { recursive: true }));

let addon: Addon;
let device: Device;
beforeAll(() => {
  addon = loadAddon(DEVICE);
  device = addon.openDevice(DEVICE);
});

/** A file with a weight [2] somewhere inside. */
function stored(dtype: WeightInfo['dtype'], data: Float32Array | Uint16Array, offset = 12): WeightStore {
  const path = join(folder, dtype);
  writeFileSync(path, Buffer.concat([Buffer.alloc(offset, 0xff), Buffer.from(data.buffer)]));
  return { has: () => true, get: (_name, shape) => ({ dtype, shape, path, offset, length: data.byteLength }) };
}

const ones = (): WeightStore => stored('F32', Float32Array.of(1, 1));

/** sum = x w + y for x, y of shape [n, 2] and the weight w of shape [2]. */
function network(store = ones()) {
  const graph = new Graph('test', store);
  const x = graph.input('x', 'f32', ['n', 2]);
  const y = graph.input('y', 'f32', ['n', 2]);
  const scaled = graph.op('Mul', [x, graph.weight('w', [2])], { dims: x.dims });
  graph.output('sum', graph.op('Add', [scaled, y], { dims: x.dims }));
  return compile(graph, TARGET);
}

function open(store?: WeightStore, options: SessionOptions = {}): Promise<Session> {
  const built = network(store);
  return addon.createSession(device, built.model, { ...built.options, ...options });
}

async function sum(session: Session, x: number[], y: number[]): Promise<unknown> {
  const shape = [x.length / 2, 2];
  using first = device.upload(Float32Array.from(x), shape);
  using second = device.upload(Float32Array.from(y), shape);
  const outputs = session.run({ x: first, y: second }, { sum: shape });
  using result = outputs.sum;
  return result.read();
}

describe('createSession', () => {
  it.each<[WeightInfo['dtype'], Float32Array | Uint16Array]>([
    ['F32', Float32Array.of(2, -0.5)],
    ['F16', Uint16Array.of(0x4000, 0xb800)],
    ['BF16', Uint16Array.of(0x4000, 0xbf00)],
  ])('reads %s weights where they lie in their file', async (dtype, data) => {
    expect(await sum(await open(stored(dtype, data)), [1, 2, 3, 4], [10, 20, 30, 40])).toEqual(Float32Array.of(12, 19, 36, 38));
  });

  it('adds low-rank updates to weights as they are read', async () => {
    const part = (data: Float32Array, shape: number[]) => ({
      name: 'part',
      shape,
      sourceType: 'F32' as const,
      data: new Uint8Array(data.buffer),
    });
    const up = part(Float32Array.of(1, 2), [2, 1]);
    const down = part(Float32Array.of(1), [1, 1]);
    const w = { ...part(Float32Array.of(3, 4), [2]), name: 'w' };
    const open2 = (updates: unknown) => open(ones(), { weights: [{ ...w, updates } as typeof w] });
    expect(await sum(await open2([{ up, down, factor: 10 }]), [1, 1], [0, 0])).toEqual(Float32Array.of(13, 24));
    await expect(open2([{ up, down: up, factor: 1 }])).rejects.toThrow(withCode('MODEL', /factors of the shape/));
    for (const updates of ['x', [1], [{ up, down }]]) await expect(async () => open2(updates)).rejects.toThrow(withCode('ARGUMENT'));
  });

  it('takes weights that were made in memory', async () => {
    const data = new Uint8Array(Float32Array.of(3, 4).buffer);
    const weights = [{ name: 'w', shape: [2], sourceType: 'F32' as const, data }];
    expect(await sum(await open(ones(), { weights }), [1, 1], [0, 0])).toEqual(Float32Array.of(3, 4));
  });

  it.each([0, -1, 1.5, 1025, '2', null])('refuses %s threads', (threads) => {
    expect(() => addon.createSession(device, new Uint8Array(1), { threads: threads as number })).toThrow(
      withCode('ARGUMENT', /from 1 to 1024 for threads but received/),
    );
  });

  it('takes a number of threads', async () => {
    expect(await sum(await open(undefined, { threads: 2 }), [1, 2], [3, 4])).toEqual(Float32Array.of(4, 6));
  });

  it('rejects what is no model', async () => {
    await expect(addon.createSession(device, Uint8Array.of(1, 2, 3))).rejects.toThrow(withCode('MODEL'));
    expect(() => addon.createSession(device, 'model' as unknown as Uint8Array)).toThrow(withCode('ARGUMENT', /Uint8Array for model but/));
    expect(() => addon.createSession({} as Device, new Uint8Array(1))).toThrow(withCode('ARGUMENT', /a Device for device/));
  });

  it.each<[string, object]>([
    ['past the end of its file', { offset: 1 << 20 }],
    ['before its start', { offset: -4 }],
    ['larger than its file', { shape: [2 ** 40] }],
    ['of a missing file', { path: '/none' }],
    ['of an unknown type', { sourceType: 'F64' }],
  ])('rejects a weight %s', async (_what, change) => {
    const built = network(stored('F16', Uint16Array.of(0, 0)));
    const weights = built.options.weights!.map((weight) => ({ ...weight, ...change }));
    await expect(addon.createSession(device, built.model, { ...built.options, weights })).rejects.toThrow(withCode('MODEL', /w/));
  });

  it('rejects weights in place of a missing or a short file', async () => {
    for (const change of [{ path: join(folder, 'none') }, { offset: 1 << 20 }]) {
      const store = ones();
      const moved: WeightStore = { has: () => true, get: (name, shape) => ({ ...store.get(name, shape), ...change }) };
      await expect(open(moved)).rejects.toThrow(withCode('MODEL'));
    }
  });
});

describe('deferSession', () => {
  const defer = (built: ReturnType<typeof network>) => addon.deferSession(device, built.model, built.options);

  it('loads the network when it first runs', async () => {
    const session = defer(network(stored('F16', Uint16Array.of(0x4000, 0xb800))));
    for (const _ of [1, 2]) expect(await sum(session, [1, 2], [10, 20])).toEqual(Float32Array.of(12, 19));
    expect(session.busySeconds).toBeGreaterThan(0);
    session.dispose();
  });

  it('has what is wrong with a network be the error of every run', async () => {
    const store = ones();
    const gone: WeightStore = { has: () => true, get: (name, shape) => ({ ...store.get(name, shape), path: join(folder, 'none') }) };
    for (const built of [network(gone), { model: Uint8Array.of(1, 2, 3), options: {} }]) {
      const session = defer(built);
      for (const _ of [1, 2]) await expect(sum(session, [1, 2], [3, 4])).rejects.toThrow(withCode('MODEL'));
      session.dispose();
    }
  });

  it('may be disposed before it has run', async () => {
    const session = defer(network());
    const running = sum(session, [1, 2], [3, 4]);
    session.dispose();
    expect(await running).toEqual(Float32Array.of(4, 6));
    defer(network()).dispose();
    await device.synchronize();
  });
});

describe('Session.run', () => {
  let session: Session;
  beforeAll(async () => {
    session = await open();
  });

  it('copies nothing between host and device', async () => {
    using x = device.full([3, 2], 1);
    const { uploads, downloads } = device.transfers;
    using result = session.run({ x, y: x }, { sum: [3, 2] }).sum;
    await result.ready();
    expect(device.transfers).toMatchObject({ uploads, downloads });
  });

  it('may be called many times at once, on several sessions', async () => {
    const other = await open(stored('BF16', Uint16Array.of(0x4000, 0x4000)));
    const runs = Array.from({ length: 50 }, (_, i) => sum(i % 2 ? session : other, [i, i], [1, 1]));
    const want = Array.from({ length: 50 }, (_, i) => (i % 2 ? Float32Array.of(i + 1, i + 1) : Float32Array.of(2 * i + 1, 2 * i + 1)));
    expect(await Promise.all(runs)).toEqual(want);
  });

  it.each<[string, (d: Device) => { inputs: Parameters<Session['run']>[0]; outputs?: Record<string, number[]> }]>([
    ['an input of another name', (d) => ({ inputs: { x: d.full([1, 2], 1), z: d.full([1, 2], 1) } })],
    ['a missing input', (d) => ({ inputs: { x: d.full([1, 2], 1) } })],
    ['an input of another shape', (d) => ({ inputs: { x: d.full([1, 3], 1), y: d.full([1, 2], 1) } })],
    ['an input of another rank', (d) => ({ inputs: { x: d.full([2], 1), y: d.full([1, 2], 1) } })],
    ['an input of another type', (d) => ({ inputs: { x: d.full([1, 2], 1, 'i64'), y: d.full([1, 2], 1) } })],
    ['an output of another name', (d) => ({ inputs: { x: d.full([1, 2], 1), y: d.full([1, 2], 1) }, outputs: { sun: [1, 2] } })],
    ['an output of another shape', (d) => ({ inputs: { x: d.full([1, 2], 1), y: d.full([1, 2], 1) }, outputs: { sum: [2, 2] } })],
  ])('%s is the error of the outputs, and of what depends on them', async (_what, make) => {
    const { inputs, outputs = { sum: [1, 2] } } = make(device);
    const [result] = Object.values(session.run(inputs, outputs));
    await expect(result!.read()).rejects.toThrow(withCode('RUNTIME'));
    await expect(addon.norm(result!).read()).rejects.toThrow(withCode('RUNTIME'));
    expect(await sum(session, [1, 2], [3, 4])).toEqual(Float32Array.of(4, 6));
  });

  it('passes an error of its inputs on', async () => {
    using x = device.full([1, 2], 1);
    const huge = addon.clip(device.full([2 ** 49], 0), 0, 1);
    using result = session.run({ x, y: huge }, { sum: [1, 2] }).sum;
    await expect(result.read()).rejects.toThrow(withCode('DEVICE_MEMORY'));
  });

  it('refuses what is no tensor, of another device, or disposed', () => {
    using x = device.full([1, 2], 1);
    const gone = device.full([1, 2], 1);
    gone.dispose();
    const run = (y: unknown) => () => session.run({ x, y: y as typeof x }, { sum: [1, 2] });
    expect(run(1)).toThrow(withCode('ARGUMENT', /a Tensor for y but received 1/));
    expect(run(addon.openDevice(DEVICE).full([1, 2], 1))).toThrow(withCode('ARGUMENT', /y on the session's device/));
    expect(run(gone)).toThrow(withCode('DISPOSED', /y/));
    expect(() => session.run({ x, y: x }, { sum: [-1, 2] })).toThrow(withCode('SHAPE', /sum/));
    expect(() => Reflect.apply(session.run, device, [{ x, y: x }, { sum: [1, 2] }])).toThrow(/for this but received|Illegal invocation/);
  });

  it('ends what is under way after the session is disposed, and then refuses to run', async () => {
    const short = await open();
    const running = sum(short, [1, 2], [3, 4]);
    short.dispose();
    short.dispose();
    expect(await running).toEqual(Float32Array.of(4, 6));
    expect(() => short.run({}, { sum: [1, 2] })).toThrow(withCode('DISPOSED', /live session/));
  });
});
