const bases = new Map<number, Float64Array>();
/** Of blocks up to 8 × 8. */
const rows = new Float64Array(64);

/** Row k holds the k-th basis function of the orthonormal DCT-II. */
function basisOf(side: number): Float64Array {
  const known = bases.get(side);
  if (known) return known;
  const basis = Float64Array.from({ length: side * side }, (_, i) => {
    const [k, x] = [Math.floor(i / side), i % side];
    return Math.sqrt((k === 0 ? 1 : 2) / side) * Math.cos((Math.PI * (2 * x + 1) * k) / (2 * side));
  });
  bases.set(side, basis);
  return basis;
}

/** The orthonormal two-dimensional DCT-II of a block [side, side], in its place: white noise stays white, and of one level. */
export function transformBlock(block: Float64Array, side: number): void {
  const basis = basisOf(side);
  for (let y = 0; y < side; y++) {
    for (let k = 0; k < side; k++) {
      let sum = 0;
      for (let x = 0; x < side; x++) sum += basis[k * side + x]! * block[y * side + x]!;
      rows[y * side + k] = sum;
    }
  }
  for (let k = 0; k < side; k++) {
    for (let l = 0; l < side; l++) {
      let sum = 0;
      for (let y = 0; y < side; y++) sum += basis[l * side + y]! * rows[y * side + k]!;
      block[l * side + k] = sum;
    }
  }
}
