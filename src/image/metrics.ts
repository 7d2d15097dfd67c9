import { LatinoError } from '../errors.js';
import { type Image, quantise } from './image.js';

/**
 * Peak signal-to-noise ratio in dB of two images rounded to 8 bits; Infinity for equal ones.
 *
 * @throws LatinoError ERR_LATINO_SHAPE unless sizes and channels agree
 */
export function psnr(a: Image, b: Image): number {
  const [p, q] = pair(a, b);
  let squares = 0;
  for (let i = 0; i < p.length; i++) squares += (p[i]! - q[i]!) ** 2;
  return squares === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(255 ** 2 / (squares / p.length));
}

const RADIUS = 5;
const WINDOW = 2 * RADIUS + 1;
const weights = Float64Array.from({ length: WINDOW }, (_, i) => Math.exp(-((i - RADIUS) ** 2) / (2 * 1.5 ** 2)));
const total = weights.reduce((sum, weight) => sum + weight, 0);

/**
 * Structural similarity (Wang et al. 2004) of two images rounded to 8 bits, the mean over the channels: Gaussian window of 11 × 11 with
 * sigma 1.5, only where it lies inside the image. What scikit-image gives with `gaussian_weights=True, use_sample_covariance=False,
 * data_range=255, channel_axis`.
 *
 * @throws LatinoError ERR_LATINO_SHAPE unless sizes and channels agree and the window fits
 */
export function ssim(a: Image, b: Image): number {
  const [p, q] = pair(a, b);
  const { width, height, channels } = a;
  if (width < WINDOW || height < WINDOW) {
    throw new LatinoError(
      'ERR_LATINO_SHAPE',
      `Expected images of at least ${WINDOW} × ${WINDOW} for SSIM but received ${width} × ${height}`,
    );
  }
  const [c1, c2] = [(0.01 * 255) ** 2, (0.03 * 255) ** 2];
  let sum = 0;
  let count = 0;
  for (let c = 0; c < channels; c++) {
    const mean = (value: (i: number) => number): Float64Array => windowed(value, width, height, channels, c);
    const meanP = mean((i) => p[i]!);
    const meanQ = mean((i) => q[i]!);
    const [pp, qq, pq] = [mean((i) => p[i]! ** 2), mean((i) => q[i]! ** 2), mean((i) => p[i]! * q[i]!)];
    for (let i = 0; i < meanP.length; i++) {
      const [mp, mq] = [meanP[i]!, meanQ[i]!];
      const covariance = pq[i]! - mp * mq;
      const variances = pp[i]! - mp * mp + qq[i]! - mq * mq;
      sum += ((2 * mp * mq + c1) * (2 * covariance + c2)) / ((mp * mp + mq * mq + c1) * (variances + c2));
    }
    count += meanP.length;
  }
  return sum / count;
}

/** Window means of one channel of interleaved values, [height - 10, width - 10]. */
function windowed(value: (i: number) => number, width: number, height: number, channels: number, channel: number): Float64Array {
  const [innerWidth, innerHeight] = [width - WINDOW + 1, height - WINDOW + 1];
  const rows = new Float64Array(height * innerWidth);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < innerWidth; x++) {
      let sum = 0;
      for (let k = 0; k < WINDOW; k++) sum += weights[k]! * value((y * width + x + k) * channels + channel);
      rows[y * innerWidth + x] = sum / total;
    }
  }
  const means = new Float64Array(innerHeight * innerWidth);
  for (let y = 0; y < innerHeight; y++) {
    for (let x = 0; x < innerWidth; x++) {
      let sum = 0;
      for (let k = 0; k < WINDOW; k++) sum += weights[k]! * rows[(y + k) * innerWidth + x]!;
      means[y * innerWidth + x] = sum / total;
    }
  }
  return means;
}

/** Both images in 8 bits. */
function pair(a: Image, b: Image): [Uint8Array, Uint8Array] {
  if (a.width !== b.width || a.height !== b.height || a.channels !== b.channels) {
    const text = ({ width, height, channels }: Image): string =>
      `${width} × ${height} with ${channels} channel${channels === 1 ? '' : 's'}`;
    throw new LatinoError('ERR_LATINO_SHAPE', `Expected two images of one size but received ${text(a)} and ${text(b)}`);
  }
  return [quantise(a, new Uint8Array(a.data.length), 255), quantise(b, new Uint8Array(b.data.length), 255)];
}
