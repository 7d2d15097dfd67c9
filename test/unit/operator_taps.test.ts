import { describe, expect, it } from 'vitest';
import { convolutionMatrix, extended, gaussianTaps, referenceTaps, resizeMatrix } from '../../src/operators/filters.js';
import { linearMotionTaps, randomMotionTaps } from '../../src/operators/motion.js';
import { dense } from '../support/dense.js';

const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((total, value) => total + value, 0);
const _GREY = { height: 1, width: 1, values: [1] };

describe('taps', () => {
  it('sum to 1', () => {
    for (const filter of ['bicubic', 'bilinear', 'gaussian', 'box', 'lanczos'] as const) {
      for (const factor of [2, 3, 8]) {
        expect(sum(referenceTaps(factor, filter))).toBeCloseTo(1, 12);
        const { rows, starts, values } = resizeMatrix(24, factor, filter);
        for (let i = 0; i < rows; i++) expect(sum(values.subarray(starts[i], starts[i + 1]))).toBeCloseTo(1, 12);
      }
    }
    expect(gaussianTaps(3)).toHaveLength(19);
  });

  it('of phase reference sit half a low-resolution pixel up and left', () => {
    const values = dense(convolutionMatrix(64, referenceTaps(4, 'bicubic'), 7, 'reflect', 4));
    const position = (i: number): number => Array.from({ length: 64 }, (_, j) => j * values[i * 64 + j]!).reduce((a, b) => a + b);
    expect(position(8)).toBeCloseTo(8 * 4 - 0.5, 10);
  });

  it('convolve, not correlate', () => {
    const values = dense(convolutionMatrix(4, [1, 2, 3], 1, 'zero'));
    // y[1] = 1 x[2] + 2 x[1] + 3 x[0]
    expect([...values.subarray(4, 8)]).toEqual([3, 2, 1, 0]);
  });

  it('grow with the side of a picture, not with its square', () => {
    expect(resizeMatrix(6000, 2, 'bicubic').values.length).toBeLessThanOrEqual(3000 * 9);
    expect(convolutionMatrix(6000, gaussianTaps(3), 9, 'reflect').values).toHaveLength(6000 * 19);
  });

  it('find the pixels beyond the border', () => {
    const around = [-5, -2, -1, 0, 3, 4, 5, 8];
    expect(around.map((i) => extended(i, 4, 'reflect'))).toEqual([1, 2, 1, 0, 3, 2, 1, 2]);
    expect(around.map((i) => extended(i, 4, 'replicate'))).toEqual([0, 0, 0, 0, 3, 3, 3, 3]);
    expect(around.map((i) => extended(i, 4, 'circular'))).toEqual([3, 2, 3, 0, 3, 0, 1, 0]);
    expect(around.map((i) => extended(i, 4, 'zero'))).toEqual([-1, -1, -1, 0, 3, -1, -1, -1]);
  });

  it('of a horizontal motion are equal', () => {
    const { width, centreY, values: taps } = linearMotionTaps({ length: 5, angle: 0 });
    expect([...taps.subarray(centreY * width, (centreY + 1) * width)].filter((tap) => tap > 0)).toEqual([0.2, 0.2, 0.2, 0.2, 0.2]);
    const vertical = linearMotionTaps({ length: 5, angle: 90 });
    expect(vertical.values.filter((tap) => tap > 1e-9)).toHaveLength(5);
    const rising = linearMotionTaps({ length: 9, angle: 45 });
    expect(rising.values[(rising.centreY - 2) * rising.width + rising.centreX + 2]).toBeGreaterThan(0.05);
    expect(rising.values[(rising.centreY - 2) * rising.width + rising.centreX - 2]).toBe(0);
  });

  it('of a random motion depend on the seed alone, and are centred', () => {
    const kernel = randomMotionTaps({ size: 25, seed: 7, intensity: 0.5 });
    expect(kernel).toEqual(randomMotionTaps({ size: 25, seed: 7, intensity: 0.5 }));
    expect(kernel.values).not.toEqual(randomMotionTaps({ size: 25, seed: 8, intensity: 0.5 }).values);
    expect(sum(kernel.values)).toBeCloseTo(1, 12);
    for (const size of [3, 24, 25, 61]) {
      for (const intensity of [0, 0.5, 1]) {
        const { values: taps, centreX, centreY } = randomMotionTaps({ size, seed: 3, intensity });
        expect(taps.reduce((total, tap, i) => total + tap * ((i % size) - centreX), 0)).toBeCloseTo(0, 9);
        expect(taps.reduce((total, tap, i) => total + tap * (Math.floor(i / size) - centreY), 0)).toBeCloseTo(0, 9);
      }
    }
  });
});
