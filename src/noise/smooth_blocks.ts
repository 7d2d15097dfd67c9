import { setImmediate } from 'node:timers/promises';
import type { Image } from '../image/index.js';
import { isClipped, readBlock } from './blocks.js';
import { transformBlock } from './dct.js';

/** What the smoothest blocks of a picture show in their high frequencies. */
export interface FineDetail {
  /** Blocks that could be looked at. */
  readonly blocks: number;
  /** Mean square of the highest frequencies, of the colour in which it is least, without what their slope shows to be detail. */
  readonly variance: number;
  /** Of the sum of the channels. */
  readonly sumVariance: number;
  /** How much more the frequencies just below have: 1 where there is noise and nothing else. */
  readonly slope: number;
  /** How much more the low frequencies have: about 1 where there is noise and nothing else. */
  readonly steepness: number;
  /** How much more the next colour has in the highest: 1 where there is noise and nothing else, and of a grey picture. */
  readonly spread: number;
}

/** Part of the blocks that counts as smooth, and how many there are at least. */
const SMOOTH = 0.01;
export const FEWEST_SMOOTH = 64;
/**
 * Blocks whose low frequencies hold no more than so many times what noise alone would there are smooth, too: fewer of a grey picture, which has no
 * differences of colour to be seen instead of its detail.
 */
const QUIET = { grey: 1.3, colour: 2 } as const;
/** A slope that noise alone hardly has. */
export const STEEPEST = 1.35;
/**
 * How much of the highest frequencies is detail for each 1 that the slope is over 1: a grey picture's detail holds about twice as much just below them
 * as there, while the slope of the colour that has least is partly chance. Measured on other photographs than those of bench/sigma.mjs.
 */
const DETAIL = { grey: 1, colour: 0.4 } as const;
/** Part of the highest frequencies that is noise at least. */
const LEAST_NOISE = 0.1;
/** Blocks between two turns of the event loop. */
const AT_ONCE = 128;

interface Block {
  /** Sum of squares of the low frequencies of all planes, the mean left out. */
  readonly texture: number;
  /** Mean squares of each plane: of the highest frequencies, of those just below, and of the low ones. */
  readonly high: readonly number[];
  readonly below: readonly number[];
  readonly low: readonly number[];
}

/**
 * Ranks blocks by what their low frequencies hold, and takes the high ones of the smoothest (after Ponomarenko et al. 2007): the more the noise
 * hides, the more of them. Coefficients of white noise are independent: which blocks are taken says nothing of the noise that is then seen in them.
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
  const smoothest = blocks.slice(0, Math.max(Math.ceil(SMOOTH * blocks.length), FEWEST_SMOOTH));
  const kind = planes.length === 1 ? 'grey' : 'colour';
  const quiet = QUIET[kind] * spectraOf(smoothest, planes.length)[0]!.variance * bands.low.length * planes.length;
  const end = blocks.findIndex(({ texture }) => texture > quiet);
  const smooth = blocks.slice(0, Math.max(smoothest.length, end < 0 ? blocks.length : end));
  const [least, next] = spectraOf(smooth, planes.length);
  const slope = least!.below / least!.variance;
  // A choice among colours, or among the blocks of one that is not clipped everywhere, makes slopes of its own.
  const detail = DETAIL[kind] * Math.max(0, slope - (image.channels === 1 ? 1 : STEEPEST));
  return {
    blocks: blocks.length,
    variance: least!.variance * Math.max(1 - detail, LEAST_NOISE),
    sumVariance: meanOf(smooth, 0).variance,
    slope,
    steepness: least!.low / least!.variance,
    spread: (next ?? least!).variance / least!.variance,
  };
}

interface Spectrum {
  readonly variance: number;
  readonly below: number;
  readonly low: number;
}

/** The means over blocks, of one plane. */
function meanOf(blocks: readonly Block[], plane: number): Spectrum {
  const mean = (band: 'high' | 'below' | 'low'): number => blocks.reduce((sum, block) => sum + block[band][plane]!, 0) / blocks.length;
  return { variance: mean('high'), below: mean('below'), low: mean('low') };
}

/** The means over blocks, of each plane, that which has least first. */
const spectraOf = (blocks: readonly Block[], planes: number): Spectrum[] =>
  [...Array(planes).keys()].map((plane) => meanOf(blocks, plane)).sort((a, b) => a.variance - b.variance);

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
  const lows = planes.map((plane) => meanSquare(plane, low));
  return {
    texture: low.length * lows.reduce((sum, each) => sum + each, 0),
    high: planes.map((plane) => meanSquare(plane, high)),
    below: planes.map((plane) => meanSquare(plane, below)),
    low: lows,
  };
}

function meanSquare(plane: Float64Array, band: readonly number[]): number {
  let sum = 0;
  for (const i of band) sum += plane[i]! ** 2;
  return sum / band.length;
}
