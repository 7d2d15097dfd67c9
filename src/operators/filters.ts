import type { Boundary, Matrix } from '../device/addon.js';
import type { ResizeFilter } from './descriptors.js';

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
    const row = values.subarray(i * n + low, i * n + high);
    for (let j = low; j < high; j++) row[j - low] = at((j - centre + 0.5) / factor);
    const sum = row.reduce((total, tap) => total + tap, 0);
    for (let j = 0; j < row.length; j++) row[j]! /= sum;
  }
  return { rows, columns: n, values };
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
  const sum = taps.reduce((total, tap) => total + tap, 0);
  return taps.map((tap) => tap / sum);
}
