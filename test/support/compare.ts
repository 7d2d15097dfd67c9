import type { Stored } from './safetensors.js';

/** max|got - want| / max|want|, the measure of the golden data's tolerances; NaN where a value is none. */
export function maxRelativeError(got: ArrayLike<number>, want: ArrayLike<number>): number {
  if (got.length !== want.length) throw new Error(`Expected ${want.length} values but got ${got.length}`);
  let error = 0;
  let largest = 0;
  for (let i = 0; i < want.length; i++) {
    error = Math.max(error, Math.abs(got[i]! - want[i]!));
    largest = Math.max(largest, Math.abs(want[i]!));
    if (Number.isNaN(got[i]!)) return Number.NaN;
  }
  return error / largest;
}

/** The same of tensors, whose shapes must agree. */
export function relativeError(got: Stored, want: Stored): number {
  if (got.shape.join() !== want.shape.join()) throw new Error(`Expected shape ${want.shape} but got ${got.shape}`);
  return maxRelativeError(got.data as Float32Array, want.data as Float32Array);
}
