import type { Image } from '../image/index.js';
import { SIDE } from './dct.js';

/** Blocks that are looked at: enough for two digits, few enough for a photograph of any size. */
const MOST_BLOCKS = 4096;

/** Pixels of a measurement that hold no noise, or not all of it: [H, W], anything but 0 there. */
export type Unusable = Uint8Array;

/**
 * Where the blocks begin that are looked at: an even grid, without the blocks that touch a pixel which was never measured, or was clipped when the
 * measurement was stored.
 */
export function blockOrigins(image: Image, unseen?: Unusable): number[] {
  const { width, height } = image;
  const [columns, rows] = [width - SIDE + 1, height - SIDE + 1];
  const origins: number[] = [];
  if (columns < 1 || rows < 1) return origins;
  const stride = Math.max(1, Math.ceil(Math.sqrt((columns * rows) / MOST_BLOCKS)));
  const clipped = clippedValues(image);
  for (let y = 0; y < rows; y += stride) {
    for (let x = 0; x < columns; x += stride) if (isUsable(image, y * width + x, clipped, unseen)) origins.push(y * width + x);
  }
  return origins;
}

interface Clipped {
  readonly low: number;
  readonly high: number;
}

/** What a value outside [0, 1] was stored as. Nothing where there are such values: the measurement was not clipped. */
function clippedValues({ data }: Image): Clipped {
  let [low, high] = [1, -1];
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { low: low < -1 ? -Infinity : -1, high: high > 1 ? Infinity : 1 };
}

function isUsable({ data, width, height, channels }: Image, origin: number, { low, high }: Clipped, unseen?: Unusable): boolean {
  const count = width * height;
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const at = origin + y * width + x;
      if (unseen?.[at]) return false;
      for (let value = at; value < channels * count; value += count) if (data[value]! <= low || data[value]! >= high) return false;
    }
  }
  return true;
}
