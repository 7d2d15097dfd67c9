import type { Boundary, SparseMatrix, Taps } from '../device/addon.js';

export const FILTERS = ['bicubic', 'bilinear', 'gaussian', 'box', 'lanczos'] as const;
export type ResizeFilter = (typeof FILTERS)[number];

/** Keys' cubic, a = -1/2. */
function cubic(t: number): number {
  const u = Math.abs(t);
  if (u < 1) return (1.5 * u - 2.5) * u * u + 1;
  return u < 2 ? ((-0.5 * u + 2.5) * u - 4) * u + 2 : 0;
}

function sinc(t: number): number {
  return t === 0 ? 1 : Math.sin(Math.PI * t) / (Math.PI * t);
}

/** Continuous kernels in units of the low-resolution pixel, with the radius beyond which they are 0. */
const KERNELS: Readonly<Record<ResizeFilter, { readonly support: number; readonly at: (t: number) => number }>> = {
  box: { support: 0.5, at: (t) => (t > -0.5 && t <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, at: (t) => Math.max(0, 1 - Math.abs(t)) },
  bicubic: { support: 2, at: cubic },
  lanczos: { support: 3, at: (t) => (Math.abs(t) < 3 ? sinc(t) * sinc(t / 3) : 0) },
  // The standard deviation is one low-resolution pixel, as in deepinv.
  gaussian: { support: 3, at: (t) => Math.exp((-t * t) / 2) },
};

/**
 * The resize of n pixels to n / factor that Pillow and web tools perform: antialiased, centred on pixels, rows cut off at the border and
 * renormalised. [n / factor, n]
 */
export function resizeMatrix(n: number, factor: number, filter: ResizeFilter): SparseMatrix {
  const { support, at } = KERNELS[filter];
  return matrixOf(n / factor, n, Math.ceil(2 * support * factor) + 1, (i, put) => {
    const centre = (i + 0.5) * factor;
    const low = Math.max(0, Math.trunc(centre - support * factor + 0.5));
    const high = Math.min(n, Math.trunc(centre + support * factor + 0.5));
    const taps = normalised(Float64Array.from({ length: high - low }, (_, j) => at((low + j - centre + 0.5) / factor)));
    taps.forEach((tap, j) => {
      put(low + j, tap);
    });
  });
}

/** The matrix whose row i is what `row` puts there, at most `most` numbers. */
function matrixOf(
  rows: number,
  columns: number,
  most: number,
  row: (i: number, put: (column: number, value: number) => void) => void,
): SparseMatrix {
  const starts = new Uint32Array(rows + 1);
  const indices = new Uint32Array(rows * most);
  const values = new Float64Array(rows * most);
  let count = 0;
  const put = (column: number, value: number): void => {
    indices[count] = column;
    values[count++] = value;
  };
  for (let i = 0; i < rows; i++) {
    row(i, put);
    starts[i + 1] = count;
  }
  return { rows, columns, starts, indices: indices.subarray(0, count), values: values.subarray(0, count) };
}

/** One axis of super-resolution, [n / factor, n]; `centre` and `reference` as the operator has them. */
export function downsamplingMatrix(options: Downsampling, n: number): SparseMatrix {
  const { factor, filter, phase, boundary = 'reflect' } = options;
  if (phase === 'centre') return resizeMatrix(n, factor, filter);
  const taps = referenceTaps(factor, filter);
  return convolutionMatrix(n, taps, (taps.length - 1) >> 1, boundary, factor);
}

export interface Downsampling {
  readonly factor: number;
  readonly filter: ResizeFilter;
  readonly phase: 'centre' | 'reference';
  readonly boundary?: Boundary;
}

/** One-dimensional factor of deepinv's separable downsampling taps, sum 1. Box and lanczos follow the same rule. */
export function referenceTaps(factor: number, filter: ResizeFilter): Float64Array {
  if (filter === 'gaussian') return gaussianTaps(factor, Math.trunc(factor / 0.3 + 1));
  const { support, at } = KERNELS[filter];
  const count = 2 * support * factor;
  return normalised(Float64Array.from({ length: count }, (_, i) => at((i - (count - 1) / 2) / factor)));
}

/** Gaussian taps from -radius to radius, sum 1. */
export function gaussianTaps(sigma: number, radius = Math.ceil(3 * sigma)): Float64Array {
  return normalised(Float64Array.from({ length: 2 * radius + 1 }, (_, i) => Math.exp(-((i - radius) ** 2) / (2 * sigma * sigma))));
}

/** Taps of height and width alike, centred. */
export function outerProduct(taps: Float64Array): Taps {
  const size = taps.length;
  const values = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) values[row * size + column] = taps[row]! * taps[column]!;
  }
  return { height: size, width: size, centreY: size >> 1, centreX: size >> 1, values };
}

/**
 * True convolution of n pixels with taps, then every factor-th pixel from index 0:
 * y[i] = sum_a taps[a] x[factor i - (a - centre)], x extended beyond its border. [n / factor, n]
 */
export function convolutionMatrix(n: number, taps: ArrayLike<number>, centre: number, boundary: Boundary, factor = 1): SparseMatrix {
  return matrixOf(n / factor, n, taps.length, (i, put) => {
    for (let a = 0; a < taps.length; a++) {
      const source = extended(factor * i - (a - centre), n, boundary);
      if (source >= 0) put(source, taps[a]!);
    }
  });
}

/** The pixel that index i stands for; -1 for a zero. `reflect` mirrors without repeating the edge. */
export function extended(i: number, n: number, boundary: Boundary): number {
  if (i >= 0 && i < n) return i;
  const modulo = (period: number): number => ((i % period) + period) % period;
  switch (boundary) {
    case 'zero':
      return -1;
    case 'replicate':
      return i < 0 ? 0 : n - 1;
    case 'circular':
      return modulo(n);
    case 'reflect': {
      if (n === 1) return 0;
      const inside = modulo(2 * n - 2);
      return inside < n ? inside : 2 * n - 2 - inside;
    }
  }
}

export function normalised(taps: Float64Array): Float64Array {
  let sum = 0;
  for (let i = 0; i < taps.length; i++) sum += taps[i]!;
  return taps.map((tap) => tap / sum);
}
