import type { ImageRecord } from '../journal.js';

/** As many rows as a browser loads and sorts in an instant. */
const LISTED = 20_000;
/** How many of the slowest, and of those farthest from the reference, come before the others. */
const STANDING_OUT = 1_000;

/** All images where there are no more than a page holds; else those that failed, the slowest, those farthest from the reference, the first by name. */
export function listing(images: readonly ImageRecord[], limit = LISTED): ImageRecord[] {
  const byName = images.toSorted((a, b) => (a.input < b.input ? -1 : Number(a.input > b.input)));
  if (images.length <= limit) return byName;
  const failed = byName.filter(({ status }) => status === 'failed');
  const slowest = byName.toSorted((a, b) => b.seconds - a.seconds).slice(0, STANDING_OUT);
  const measured = byName.filter(({ metrics }) => metrics !== undefined);
  const farthest = measured.sort((a, b) => decibels(a) - decibels(b)).slice(0, STANDING_OUT);
  return [...new Set([...failed, ...slowest, ...farthest, ...byName])].slice(0, limit);
}

const decibels = ({ metrics }: ImageRecord): number => metrics?.psnr ?? Number.POSITIVE_INFINITY;
