import type { Boundary, Matrix, Taps } from '../device/addon.js';

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
export function resizeMatrix(n: number, factor: number, filter: ResizeFilter): Matrix {
  const rows = n / factor;
  const values = new Float64Array(rows * n);
  const { support, at } = KERNELS[filter];
  for (let i = 0; i < rows; i++) {
    const centre = (i + 0.5) * factor;
    const low = Math.max(0, Math.trunc(centre - support * factor + 0.5));
    const high = Math.min(n, Math.trunc(centre + support * factor + 0.5));
    const taps = normalised(Float64Array.from({ length: high - low }, (_, j) => at((low + j - centre + 0.5) / factor)));
    values.set(taps, i * n + low);
  }
  return { rows, columns: n, values };
}

/** One axis of super-resolution, [n / factor, n]; `centre` and `reference` as the operator has them. */
export function downsamplingMatrix(options: Downsampling, n: number): Matrix {
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
export function convolutionMatrix(n: number, taps: ArrayLike<number>, centre: number, boundary: Boundary, factor = 1): Matrix {
  const rows = n / factor;
  const values = new Float64Array(rows * n);
  for (let i = 0; i < rows; i++) {
    for (let a = 0; a < taps.length; a++) {
      const source = extended(factor * i - (a - centre), n, boundary);
      if (source >= 0) values[i * n + source]! += taps[a]!;
    }
  }
  return { rows, columns: n, values };
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
