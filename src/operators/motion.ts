import type { Taps } from '../device/addon.js';
import { normalised } from './filters.js';

/** A straight movement of `length` pixels, at `angle` degrees counter-clockwise from the horizontal. */
export interface LinearMotion {
  readonly length: number;
  readonly angle: number;
}

/** A random path in a frame of size × size pixels; intensity from 0 (straight) to 1 (shaky). */
export interface RandomMotion {
  readonly size: number;
  readonly seed: number;
  readonly intensity: number;
}

/**
 * Taps of a straight movement, sum 1. A tap is the part of its pixel's extent along the line that the movement covers, weighted by the
 * pixel's distance from the line: 1 on it, 0 from one pixel off. A movement of 5 pixels at 0 degrees has five equal taps.
 */
export function linearMotionTaps({ length, angle }: LinearMotion): Taps {
  const radius = Math.ceil(length / 2);
  const size = 2 * radius + 1;
  const [cos, sin] = [Math.cos((angle * Math.PI) / 180), Math.sin((angle * Math.PI) / 180)];
  const taps = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const [x, y] = [column - radius, radius - row]; // y upwards
      const along = x * cos + y * sin;
      const across = Math.abs(y * cos - x * sin);
      const covered = Math.min(along + 0.5, length / 2) - Math.max(along - 0.5, -length / 2);
      taps[row * size + column] = Math.max(0, covered) * Math.max(0, 1 - across);
    }
  }
  return { height: size, width: size, centreY: radius, centreX: radius, values: normalised(taps) };
}

/** Taps of a random path of a point whose velocity wanders; the path's mean sits at the centre. Sum 1; the same for the same seed. */
export function randomMotionTaps({ size, seed, intensity }: RandomMotion): Taps {
  const random = gaussianNumbers(seed);
  const count = Math.ceil(2.4 * size);
  const path: [number, number][] = [];
  const start = 2 * Math.PI * random.uniform();
  let [x, y, vx, vy] = [0, 0, Math.cos(start), Math.sin(start)];
  for (let i = 0; i < count; i++) {
    vx += 0.7 * intensity * random.normal();
    vy += 0.7 * intensity * random.normal();
    const speed = Math.hypot(vx, vy) || 1;
    [vx, vy] = [vx / speed, vy / speed];
    [x, y] = [x + 0.6 * vx, y + 0.6 * vy];
    path.push([x, y]);
  }
  const mean = [0, 1].map((axis) => path.reduce((sum, point) => sum + point[axis]!, 0) / count);
  const centred = path.map(([px, py]) => [px - mean[0]!, py - mean[1]!] as const);
  const centre = size >> 1;
  // The frame reaches size - 1 - centre pixels to the right and down, which for even sizes is the shorter side.
  const reach = Math.max(...centred.flat().map(Math.abs));
  const scale = Math.min(1, (size - 1 - centre) / reach);
  const taps = new Float64Array(size * size);
  for (const [px, py] of centred) splat(taps, size, centre + scale * px, centre + scale * py);
  return { height: size, width: size, centreY: centre, centreX: centre, values: normalised(taps) };
}

/** Adds a point to the four pixels around it. */
function splat(taps: Float64Array, size: number, x: number, y: number): void {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  for (const [row, weightY] of [
    [top, 1 - (y - top)],
    [top + 1, y - top],
  ] as const) {
    for (const [column, weightX] of [
      [left, 1 - (x - left)],
      [left + 1, x - left],
    ] as const) {
      if (row >= 0 && row < size && column >= 0 && column < size) taps[row * size + column]! += weightX * weightY;
    }
  }
}

/** Mulberry32, with Box-Muller for normal numbers. */
function gaussianNumbers(seed: number) {
  let state = (seed ^ Math.floor(seed / 2 ** 32)) >>> 0;
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 2 ** 32;
  };
  const normal = (): number => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  return { uniform, normal };
}
