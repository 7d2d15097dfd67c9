import type { Image } from './image/index.js';
import type { Measurement } from './measurement.js';
import { circularTaps, type Operator, type TapSums } from './operators/index.js';
import type { Warning } from './options.js';

/** A kernel with more than this in one row or column leaves borders too sharp to tell whether it wrapped around. */
const SHARPEST = 0.35;
/** Of the difference between lines further from the border: a circular blur leaves opposite borders the kernel's largest share of it. */
const APART = 0.6;
/** Times the difference between neighbouring lines anywhere. */
const UNLIKE = 3;

/**
 * The warnings for measurements of a circular blur whose opposite borders do not meet: no such blur made them, and to take them for neighbours
 * ruins the picture as far as the kernel rings.
 */
export function openBorders(operator: Operator, measurements: readonly Measurement[]): Warning[] {
  const taps = circularTaps(operator);
  if (!taps) return [];
  const images = [...measurements.keys()].filter((k) => !doesWrap(measurements[k]!.image, taps, 2 * measurements[k]!.sigma.sigma));
  if (images.length === 0) return [];
  return [
    {
      code: 'WARN_LATINO_BORDER',
      message:
        'Opposite borders of the picture do not meet, as a circular blur would have made them: say how it went on beyond them (boundary, --task …,boundary=replicate)',
      ...(measurements.length > 1 && { images }),
    },
  ];
}

/** sigma: of a picture in [-1, 1], as `data` is. */
function doesWrap({ data, channels, height, width }: Image, { rows, columns }: TapSums, sigma: number): boolean {
  const planes = Array.from({ length: channels }, (_, c) => data.subarray(c * height * width, (c + 1) * height * width));
  /** Mean square of the difference between two lines, without the noise's. */
  const between = (count: number, at: (plane: Float32Array, line: number, i: number) => number) => (a: number, b: number) => {
    let sum = 0;
    for (const plane of planes) for (let i = 0; i < count; i++) sum += (at(plane, a, i) - at(plane, b, i)) ** 2;
    return sum / (count * channels) - 2 * sigma ** 2;
  };
  const ofRows = between(width, (plane, row, i) => plane[row * width + i]!);
  const ofColumns = between(height, (plane, column, i) => plane[i * width + column]!);
  return doLinesWrap(height, rows, sigma, ofRows) && doLinesWrap(width, columns, sigma, ofColumns);
}

/** taps: the kernel's sums along each line. */
function doLinesWrap(lines: number, taps: Float64Array, sigma: number, between: (a: number, b: number) => number): boolean {
  const total = taps.reduce((sum, tap) => sum + tap, 0);
  const reach = taps.length;
  if (Math.max(...taps) > SHARPEST * total || lines < 3 * reach) return true;
  const seam = between(0, lines - 1);
  const inner = between(reach, lines - 1 - reach);
  const neighbours = Array.from({ length: 16 }, (_, k) => Math.floor(((k + 0.5) * (lines - 1)) / 16)).map((line) =>
    between(line, line + 1),
  );
  const nearby = neighbours.reduce((sum, each) => sum + Math.max(0, each), 0) / neighbours.length;
  return seam < APART ** 2 * inner || seam < UNLIKE ** 2 * nearby || seam < (2 * sigma) ** 2;
}
