/** Side of a block in pixels. */
export const SIDE = 8;

/** Row k holds the k-th basis function of the orthonormal DCT-II. */
const BASIS = Float64Array.from({ length: SIDE * SIDE }, (_, i) => {
  const [k, x] = [Math.floor(i / SIDE), i % SIDE];
  return Math.sqrt((k === 0 ? 1 : 2) / SIDE) * Math.cos((Math.PI * (2 * x + 1) * k) / (2 * SIDE));
});
const rows = new Float64Array(SIDE * SIDE);

/** The orthonormal two-dimensional DCT-II of a block, in its place: white noise stays white, and of one level. */
export function transformBlock(block: Float64Array): void {
  for (let y = 0; y < SIDE; y++) {
    for (let k = 0; k < SIDE; k++) {
      let sum = 0;
      for (let x = 0; x < SIDE; x++) sum += BASIS[k * SIDE + x]! * block[y * SIDE + x]!;
      rows[y * SIDE + k] = sum;
    }
  }
  for (let k = 0; k < SIDE; k++) {
    for (let l = 0; l < SIDE; l++) {
      let sum = 0;
      for (let y = 0; y < SIDE; y++) sum += BASIS[l * SIDE + y]! * rows[y * SIDE + k]!;
      block[l * SIDE + k] = sum;
    }
  }
}
