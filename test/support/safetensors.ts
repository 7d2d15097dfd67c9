import { readdir, readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { WeightInfo, WeightStore } from '../../src/graph/weights.js';

export interface Stored {
  readonly shape: number[];
  readonly data: Float32Array | BigInt64Array;
}

type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;

async function readEntries(path: string) {
  const bytes = await readFile(path);
  const headerLength = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerLength)) as Header;
  return Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [begin, end],
        },
      ]) => {
        const offset = 8 + headerLength + begin;
        return { name, dtype, shape, offset, bytes: bytes.subarray(offset, 8 + headerLength + end) };
      },
    );
}

/** All tensors of a file; other floating-point types become float32. */
export async function readTensors(path: string): Promise<Map<string, Stored>> {
  return new Map((await readEntries(path)).map(({ name, dtype, shape, bytes }) => [name, { shape, data: numbers(dtype, bytes) }]));
}

/** The weights of a component's folder, and their values as float32 bytes. */
export async function readWeights(folder: string, suffix: string) {
  const infos = new Map<string, WeightInfo>();
  const values = new Map<string, Uint8Array>();
  for (const file of (await readdir(folder)).filter((name) => name.endsWith(suffix))) {
    const path = await realpath(join(folder, file));
    for (const { name, dtype, shape, offset, bytes } of await readEntries(path)) {
      if (dtype === 'I64') continue;
      infos.set(name, { dtype: dtype as WeightInfo['dtype'], shape, path, offset, length: bytes.length });
      const data = numbers(dtype, bytes);
      values.set(`${path}:${offset}`, new Uint8Array(data.buffer));
    }
  }
  const store: WeightStore = {
    has: (name) => infos.has(name),
    get: (name, shape) => {
      const info = infos.get(name);
      if (info?.shape.join() !== shape.join()) throw new Error(`weight ${name} is ${info?.shape}, expected ${shape}`);
      return info;
    },
  };
  return { store, values: (info: WeightInfo) => values.get(`${info.path}:${info.offset}`)! };
}

function numbers(dtype: string, bytes: Buffer): Float32Array | BigInt64Array {
  const copy = new Uint8Array(bytes).buffer;
  if (dtype === 'F32') return new Float32Array(copy);
  if (dtype === 'F64') return Float32Array.from(new Float64Array(copy));
  if (dtype === 'I64') return new BigInt64Array(copy);
  if (dtype === 'F16') return Float32Array.from(new Uint16Array(copy), fromHalf);
  if (dtype === 'BF16') return new Float32Array(Uint32Array.from(new Uint16Array(copy), (bits) => bits << 16).buffer);
  throw new Error(`cannot read ${dtype}`);
}

function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
