import { createHash } from 'node:crypto';
import { elementCount, type WeightInfo } from '../graph/weights.js';
import { toHalf } from './half.js';
import { readTensorFloat32 } from './safetensors.js';

/** Values that are looked at, at the start and in the middle of each tensor. */
const SAMPLE = 64;
const BYTES = { F32: 4, F16: 2, BF16: 2 } as const;

/**
 * Tells sets of weights apart: 32 hexadecimal digits of SHA-256 over every tensor's name, shape and some of its values, rounded to half
 * precision, so that a checkpoint in float32 and its float16 variant have the same. Training changes every value, so a few are enough, and
 * half a gigabyte need not be read.
 *
 * @throws LatinoError ERR_LATINO_MODEL when a file cannot be read
 */
export async function digestWeights(tensors: ReadonlyMap<string, WeightInfo>): Promise<string> {
  const hash = createHash('sha256');
  for (const [name, info] of [...tensors].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${name} ${info.shape.join('x')}\n`);
    const count = elementCount(info.shape);
    const read = info.isTransposed
      ? await transposedReader(info)
      : (first: number, length: number) => readTensorFloat32(part(info, first, length));
    for (const first of new Set([0, count >> 1])) hash.update(Uint16Array.from(await read(first, Math.min(SAMPLE, count - first)), toHalf));
  }
  return hash.digest('hex').slice(0, 32);
}

/** `length` elements of a weight from the element `first`. */
function part(info: WeightInfo, first: number, length: number): WeightInfo {
  const bytes = BYTES[info.dtype];
  return { ...info, shape: [length], offset: info.offset + first * bytes, length: length * bytes };
}

/** The same of a matrix whose transpose is stored, all of which is read. */
async function transposedReader(info: WeightInfo): Promise<(first: number, length: number) => Float32Array> {
  const [rows, columns] = info.shape as readonly [number, number];
  const stored = await readTensorFloat32(info);
  const at = (i: number): number => stored[(i % columns) * rows + Math.floor(i / columns)]!;
  return (first, length) => Float32Array.from({ length }, (_, i) => at(first + i));
}
