import { setImmediate } from 'node:timers/promises';
import type { Image } from '../image/index.js';
import { isClipped, readBlock } from './blocks.js';
import { transformBlock } from './dct.js';

const SIDE = 8;
const MOST_BLOCKS = 512;
/** Coefficients of a frequency that tell its step. */
const FEWEST = 12;
/** Smaller ones, in units of 8 bits, may be the rounding of zeros. */
const ROUNDED = 1.6;
const LARGEST_STEP = 80;
/** How close to multiples of a step coefficients lie: 0 for any, 1 for exact ones. */
const CLOSE = 0.45;
/** What the chroma loses beside the luma, which alone is looked at: its blocks are of other sizes. Measured (bench/sigma.mjs). */
const WITH_CHROMA = 1.6;

/**
 * What a JPEG's quantisation took from a picture, as a standard deviation on [0, 1]; 0 where it was none. A decoded JPEG shows its steps: the
 * coefficients of its luma, block by block from the top left corner, lie on multiples of them.
 */
export async function jpegLoss(image: Image): Promise<number> {
  const coefficients = await lumaCoefficients(image);
  let [seen, stepped, known] = [0, 0, 0];
  const steps: number[] = [];
  for (const [frequency, values] of coefficients.entries()) {
    if (frequency === 0) continue;
    if (frequency % SIDE === 0) await setImmediate();
    const large = values.filter((value) => value > ROUNDED).sort((a, b) => a - b);
    if (large.length < FEWEST) continue;
    seen++;
    const step = stepOf(large);
    if (step === 0) continue;
    stepped++;
    known += step;
    steps[frequency] = step;
  }
  if (stepped < 5 || stepped < seen / 2) return 0;
  // Of frequencies that hold next to nothing no step can be told: a step as the others' changes little.
  const variances = coefficients.map((values, frequency) => lossOf(values, steps[frequency] ?? known / stepped));
  const variance = variances.reduce((sum, each) => sum + each, 0) / variances.length;
  return (Math.sqrt(variance) / 255) * (image.channels === 3 ? WITH_CHROMA : 1);
}

/** Magnitudes of the coefficients of each frequency, in units of 8 bits. */
async function lumaCoefficients(image: Image): Promise<number[][]> {
  const [columns, rows] = [Math.floor(image.width / SIDE), Math.floor(image.height / SIDE)];
  const stride = Math.max(1, Math.ceil(Math.sqrt((columns * rows) / MOST_BLOCKS)));
  const weights = image.channels === 3 ? [0.299, 0.587, 0.114] : [1];
  const coefficients: number[][] = Array.from({ length: SIDE * SIDE }, () => []);
  const [plane, luma] = [new Float64Array(SIDE * SIDE), new Float64Array(SIDE * SIDE)];
  for (let y = 0; y < rows; y += stride) {
    await setImmediate();
    for (let x = 0; x < columns; x += stride) {
      let clipped = false;
      luma.fill(0);
      for (const [channel, weight] of weights.entries()) {
        readBlock(image, channel, SIDE * (y * image.width + x), SIDE, plane);
        clipped ||= isClipped(plane);
        for (let i = 0; i < luma.length; i++) luma[i]! += 127.5 * weight * plane[i]!;
      }
      if (clipped) continue;
      transformBlock(luma, SIDE);
      for (const [i, value] of luma.entries()) coefficients[i]!.push(Math.abs(value));
    }
  }
  return coefficients;
}

/** The step whose multiples these magnitudes are, in ascending order; 0 where there is none. Of several that fit, the largest. */
function stepOf(magnitudes: readonly number[]): number {
  let [best, closest] = [0, 0];
  for (let step = 2; step <= LARGEST_STEP; step++) {
    // A step is no larger than what is there.
    const small = magnitudes.findIndex((value) => value > 0.6 * step);
    if (small < 0 || small > 0.05 * magnitudes.length) break;
    let distance = 0;
    for (const value of magnitudes) distance += Math.abs(value / step - Math.round(value / step));
    const closeness = 1 - (4 * distance) / magnitudes.length;
    if (closeness < CLOSE || closeness < closest - 0.1) continue;
    closest = Math.max(closest, closeness);
    best = step;
  }
  return best;
}

/** Variance of what rounding to a step takes: step² / 12, or where most become 0, what they were, if they follow a Laplace distribution. */
function lossOf(magnitudes: readonly number[], step: number): number {
  const kept = magnitudes.filter((value) => value > step / 2).length / magnitudes.length;
  const deviation = step / Math.SQRT2 / Math.log(1 / Math.min(Math.max(kept, 0.5 / magnitudes.length), 0.9));
  return Math.min(deviation ** 2, step ** 2 / 12);
}
