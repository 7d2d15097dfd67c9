import { setImmediate } from 'node:timers/promises';
import type { Image } from '../image/index.js';
import { isClipped, readBlock } from './blocks.js';
import { transformBlock } from './dct.js';

/** What the smoothest blocks of a picture show in their high frequencies. */
export interface FineDetail {
  /** Blocks that could be looked at. */
  readonly blocks: number;
  /** Mean square of the highest frequencies, of the colour in which it is least. */
  readonly variance: number;
  /** Of the sum of the channels. */
  readonly sumVariance: number;
  /** How much more the frequencies just below have: 1 where there is noise and nothing else. */
  readonly slope: number;
}

/** Part of the blocks that counts as smooth, and how many there are at least. */
const SMOOTH = 0.01;
export const FEWEST_SMOOTH = 64;
/** Blocks between two turns of the event loop. */
const AT_ONCE = 128;

interface Block {
  /** Sum of squares of the low frequencies, the mean left out. */
  readonly texture: number;
  /** Mean squares of each plane: of the highest frequencies, and of those just below. */
  readonly high: readonly number[];
  readonly below: readonly number[];
}

/**
 * Ranks blocks by what their low frequencies hold, and takes the high ones of the smoothest (after Ponomarenko et al. 2007). Coefficients of white
 * noise are independent: which blocks are taken says nothing of the noise that is then seen in them.
 *
 * @param channels all, or those that are to be looked at by themselves; of three, differences of colour are seen apart, which hold less detail
 */
export async function fineDetail(image: Image, origins: readonly number[], side: number, channels: readonly number[]): Promise<FineDetail> {
  const planes = channels.map(() => new Float64Array(side * side));
  const bands = bandsOf(side);
  const blocks: Block[] = [];
  for (const [k, origin] of origins.entries()) {
    if (k % AT_ONCE === AT_ONCE - 1) await setImmediate();
    for (const [c, plane] of planes.entries()) readBlock(image, channels[c]!, origin, side, plane);
    if (planes.some(isClipped)) continue;
    if (planes.length === 3) toDifferences(planes as [Float64Array, Float64Array, Float64Array]);
    for (const plane of planes) transformBlock(plane, side);
    blocks.push(summed(planes, bands));
  }
  blocks.sort((a, b) => a.texture - b.texture);
  const smooth = blocks.slice(0, Math.max(Math.ceil(SMOOTH * blocks.length), FEWEST_SMOOTH));
  const means = planes.map((_, plane) => ({
    variance: smooth.reduce((sum, { high }) => sum + high[plane]!, 0) / smooth.length,
    below: smooth.reduce((sum, { below }) => sum + below[plane]!, 0) / smooth.length,
  }));
  const least = means.reduce((a, b) => (b.variance < a.variance ? b : a));
  return { blocks: blocks.length, variance: least.variance, sumVariance: means[0]?.variance ?? 0, slope: least.below / least.variance };
}

/** Red, green and blue become their sum and two differences, orthonormal. */
function toDifferences([r, g, b]: readonly [Float64Array, Float64Array, Float64Array]): void {
  for (let i = 0; i < r.length; i++) {
    const red = r[i]!;
    const green = g[i]!;
    const blue = b[i]!;
    r[i] = (red + green + blue) / Math.sqrt(3);
    g[i] = (red - blue) / Math.SQRT2;
    b[i] = (red - 2 * green + blue) / Math.sqrt(6);
  }
}

/** Where in a block frequencies lie. */
interface Bands {
  readonly low: readonly number[];
  readonly below: readonly number[];
  readonly high: readonly number[];
}

function bandsOf(side: number): Bands {
  const frequencyOf = (i: number): number => Math.floor(i / side) + (i % side);
  const between = (from: number, to: number): number[] =>
    [...Array(side * side).keys()].filter((i) => frequencyOf(i) >= from && frequencyOf(i) < to);
  return { low: between(1, side), below: between(side, 1.2 * side), high: between(1.2 * side, Infinity) };
}

function summed(planes: readonly Float64Array[], { low, below, high }: Bands): Block {
  return {
    texture: planes.reduce((sum, plane) => sum + energy(plane, low), 0),
    high: planes.map((plane) => energy(plane, high) / high.length),
    below: planes.map((plane) => energy(plane, below) / below.length),
  };
}

function energy(plane: Float64Array, band: readonly number[]): number {
  let sum = 0;
  for (const i of band) sum += plane[i]! ** 2;
  return sum;
}
