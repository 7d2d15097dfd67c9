import type { Image } from '../image/index.js';
import { blockOrigins, blockSide, type Unseen } from './blocks.js';
import { jpegLoss } from './jpeg_loss.js';
import { FEWEST_SMOOTH, type FineDetail, fineDetail, STEEPEST } from './smooth_blocks.js';

/** An estimate of white noise. */
export interface NoiseLevel {
  /** Standard deviation on a [0, 1] image, no less than what rounding to 8 bits adds. */
  readonly sigma: number;
  /** Why it may be far off, where it may. */
  readonly doubt?: string;
}

const LEAST_SIGMA = 1 / 255 / Math.sqrt(12);
/** Pixels of a picture that has smooth parts enough. */
const FEWEST_PIXELS = 40 * 40;
/** Of noise and nothing else all colours hold as much; those of a sharp picture do not, which matters where it has low frequencies as well. */
const WIDEST = { spread: 1.2, steepness: 2 } as const;
/** Part of the blocks that may hold a clipped value before what is left is no fair sample. */
const MOST_CLIPPED = 0.8;

/**
 * The noise of a measurement, as its smoothest parts show it. A blur leaves nothing but noise in the frequencies that are looked at, so that no
 * operator has to be known. What a JPEG lost counts as noise.
 *
 * @param unseen pixels that were never measured
 */
export async function noiseLevel(image: Image, unseen?: Unseen): Promise<NoiseLevel> {
  const side = blockSide(image);
  const origins = blockOrigins(image, side, unseen);
  const detail = await leastClipped(image, origins, side);
  const lost = await jpegLoss(image);
  // Most JPEGs hold the colours at half the size: those have no fine noise left.
  const white = Math.sqrt((lost > 0 ? detail.sumVariance : detail.variance) || 0) / 2;
  return { sigma: Math.max(white, lost, LEAST_SIGMA), doubt: doubtOf(image, origins.length, detail, lost > 0) };
}

/** All channels together, or where hardly any block is without a clipped value, the channel that has most. */
async function leastClipped(image: Image, origins: readonly number[], side: number): Promise<FineDetail> {
  const all = await fineDetail(image, origins, side, [...Array(image.channels).keys()]);
  if (image.channels === 1 || all.blocks >= Math.max(FEWEST_SMOOTH, (1 - MOST_CLIPPED) * origins.length)) return all;
  const each = await Promise.all([0, 1, 2].map((channel) => fineDetail(image, origins, side, [channel])));
  return each.reduce((a, b) => (b.blocks > a.blocks ? b : a));
}

function doubtOf({ width, height }: Image, origins: number, { blocks, ...detail }: FineDetail, isOfJpeg: boolean): string | undefined {
  if (width * height < FEWEST_PIXELS) return `${width} × ${height} pixels are few`;
  if (isOfJpeg) return 'the picture was a JPEG, whose losses are no even noise';
  if (blocks < FEWEST_SMOOTH || blocks < (1 - MOST_CLIPPED) * origins)
    return 'most of the picture is missing, or as black or white as can be';
  const isSharp = detail.slope > STEEPEST || (detail.spread > WIDEST.spread && detail.steepness > WIDEST.steepness);
  return isSharp ? 'fine detail is everywhere' : undefined;
}
