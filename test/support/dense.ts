import type { SparseMatrix } from '../../src/device/addon.js';

/** The values of a matrix, row-major, zeros included. */
export function dense({ rows, columns, starts, indices, values }: SparseMatrix): Float64Array {
  const all = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let k = starts[i]!; k < starts[i + 1]!; k++) all[i * columns + indices[k]!]! += values[k]!;
  }
  return all;
}
