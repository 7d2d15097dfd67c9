import { setImmediate } from 'node:timers/promises';
import type { Image } from '../image/index.js';
import { blockOrigins, type Unusable } from './blocks.js';
import { SIDE, transformBlock } from './dct.js';

/** An estimate of white noise. */
export interface NoiseLevel {
  /** Standard deviation on a [0, 1] image, at least what 8 bits a channel lose. */
  readonly sigma: number;
  /** Why it may be far off, where it may. */
  readonly doubt?: string;
}

/** Less is not told from none: what rounding to 8 bits adds. */
export const LEAST_SIGMA = 1 / 255 / Math.sqrt(12);

const FEWEST_BLOCKS = 64;
/** Blocks between two turns of the event loop. */
const AT_ONCE = 512;

/**
 * The noise of a measurement, told from its detail by where detail is scarce: the high frequencies, of differences of colour above all, of the
 * blocks that show the least of anything in the low ones (after Ponomarenko et al. 2007). Which blocks those are does not depend on the noise that is measured in them.
 *
 * @param unseen pixels that were never measured
 */
export async function noiseLevel(image: Image, unseen?: Unusable): Promise<NoiseLevel> {
  const origins = blockOrigins(image, unseen);
  if (origins.length === 0) return { sigma: LEAST_SIGMA, doubt: 'no part of the picture shows its noise' };
  const planes = image.channels;
  const blocks: { texture: number; high: Float64Array }[] = [];
  const block = Array.from({ length: planes }, () => new Float64Array(SIDE * SIDE));
  for (const [k, origin] of origins.entries()) {
    if (k % AT_ONCE === AT_ONCE - 1) await setImmediate();
    readBlock(image, origin, block);
    for (const plane of block) transformBlock(plane);
    blocks.push(energies(block));
  }
  blocks.sort((a, b) => a.texture - b.texture);
  const smooth = blocks.slice(0, Math.max(Math.ceil(0.1 * blocks.length), Math.min(FEWEST_BLOCKS, blocks.length)));
  const variances = block.map((_, plane) => smooth.reduce((sum, { high }) => sum + high[plane]!, 0) / smooth.length);
  const sigma = Math.sqrt(Math.min(...variances)) / 2;
  return {
    sigma: Math.max(sigma, LEAST_SIGMA),
    ...(blocks.length < FEWEST_BLOCKS && { doubt: `only ${blocks.length} places of the picture show its noise` }),
  };
}

/** The block's channels, or of three their orthonormal sum and differences. */
function readBlock({ data, width, height, channels }: Image, origin: number, planes: readonly Float64Array[]): void {
  const count = width * height;
  for (let i = 0; i < SIDE * SIDE; i++) {
    const at = origin + Math.floor(i / SIDE) * width + (i % SIDE);
    if (channels === 1) planes[0]![i] = data[at]!;
    else {
      const [r, g, b] = [data[at]!, data[at + count]!, data[at + 2 * count]!];
      planes[0]![i] = (r + g + b) / Math.sqrt(3);
      planes[1]![i] = (r - b) / Math.SQRT2;
      planes[2]![i] = (r - 2 * g + b) / Math.sqrt(6);
    }
  }
}

/** How much a block shows in its low frequencies, and the mean square of the high ones of each plane. */
function energies(planes: readonly Float64Array[]): { texture: number; high: Float64Array } {
  let texture = 0;
  const high = new Float64Array(planes.length);
  let count = 0;
  for (let i = 1; i < SIDE * SIDE; i++) {
    const frequency = Math.floor(i / SIDE) + (i % SIDE);
    if (frequency < SIDE) for (const plane of planes) texture += plane[i]! ** 2;
    else {
      count++;
      for (const [k, plane] of planes.entries()) high[k]! += plane[i]! ** 2;
    }
  }
  return { texture, high: high.map((sum) => sum / count) };
}
