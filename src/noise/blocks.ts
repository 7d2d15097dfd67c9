import type { Image } from '../image/index.js';

/** Pixels of a measurement that were never measured: [H, W], anything but 0 there. */
export type Unseen = Uint8Array;

/** Blocks that are looked at: enough for two digits, few enough for a photograph of any size. */
const MOST_BLOCKS = 4096;
/** Pixels of a picture that has room for blocks of 8 × 8; the smooth parts of smaller ones are smaller too. */
const ROOMY = 200 * 200;

/** The side of the blocks that suit a picture. */
export const blockSide = ({ width, height }: Image): number => (width * height < ROOMY ? 5 : 8);

/** Where blocks begin, on an even grid over what was measured. */
export function blockOrigins({ width, height }: Image, side: number, unseen?: Unseen): number[] {
  const [columns, rows] = [width - side + 1, height - side + 1];
  const stride = Math.max(1, Math.ceil(Math.sqrt((columns * rows) / MOST_BLOCKS)));
  const origins: number[] = [];
  for (let y = 0; y < rows; y += stride) {
    for (let x = 0; x < columns; x += stride) {
      const origin = y * width + x;
      if (!unseen || isSeen(unseen, origin, side, width)) origins.push(origin);
    }
  }
  return origins;
}

function isSeen(unseen: Unseen, origin: number, side: number, width: number): boolean {
  for (let i = 0; i < side * side; i++) if (unseen[origin + Math.floor(i / side) * width + (i % side)]) return false;
  return true;
}

/** The values of one channel in a block. */
export function readBlock({ data, width, height }: Image, channel: number, origin: number, side: number, block: Float64Array): void {
  const first = channel * width * height + origin;
  for (let y = 0; y < side; y++) for (let x = 0; x < side; x++) block[y * side + x] = data[first + y * width + x]!;
}

/** Whether a value was stored as black or white, which may have been beyond. */
export function isClipped(block: Float64Array): boolean {
  for (let i = 0; i < block.length; i++) if (block[i] === -1 || block[i] === 1) return true;
  return false;
}
