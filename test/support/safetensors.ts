import { readFile } from 'node:fs/promises';
import { decodeRaw } from './raw_safetensors.js';

export interface Stored {
  readonly shape: number[];
  readonly data: Float32Array | BigInt64Array;
}

/** All tensors of a file; other floating-point types become float32. */
export async function readTensors(path: string): Promise<Map<string, Stored>> {
  const tensors = [...decodeRaw(await readFile(path))];
  return new Map(tensors.map(([name, { dtype, shape, bytes }]) => [name, { shape: [...shape], data: numbers(dtype, bytes) }]));
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
