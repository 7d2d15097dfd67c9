/** max|got - want| / max|want|, the measure of the golden data's tolerances. */
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
