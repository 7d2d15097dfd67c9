import { beforeAll, describe, expect, it } from 'vitest';
import type { Addon, Device, Tensor } from '../../src/device/addon.js';
import { loadAddon } from '../../src/device/load.js';
import {
  buildOperator,
  colorization,
  convolution,
  denoising,
  gaussianBlur,
  inpainting,
  motionBlur,
  type Operator,
  operatorName,
  superResolution,
} from '../../src/operators/index.js';
import { DEVICE } from '../support/device.js';

const _sum = (values: ArrayLike<number>): number => Array.from(values).reduce((total, value) => total + value, 0);
const _GREY = { height: 1, width: 1, values: [1] };

describe('properties of every operator', () => {
  let addon: Addon;
  let device: Device;
  beforeAll(() => {
    addon = loadAddon(DEVICE);
    device = addon.openDevice(DEVICE);
  });
  const boundaries = ['reflect', 'replicate', 'zero', 'circular'] as const;
  const asymmetric = { height: 4, width: 3, values: [1, 2, 0, 3, 5, 1, 0, 2, 4, 1, 1, 0].map((tap) => tap / 20) };
  const filters = ['bicubic', 'bilinear', 'gaussian', 'box', 'lanczos'] as const;
  const operators: (readonly [string, Operator, number, number])[] = [
    ...filters.flatMap((filter) => [2, 3, 4].map((factor) => superResolution({ factor, filter }))),
    ...filters.flatMap((filter) =>
      (['reflect', 'circular'] as const).map((boundary) => superResolution({ factor: 3, filter, phase: 'reference', boundary })),
    ),
    ...boundaries.flatMap((boundary) => [
      gaussianBlur({ sigma: 1.3, boundary }),
      motionBlur({ length: 7.5, angle: 30, boundary }),
      motionBlur({ seed: 3, size: 9, boundary }),
      convolution({ taps: asymmetric, boundary }),
    ]),
    inpainting({ box: [3, 2, 5, 7] }),
    denoising(),
    colorization(),
  ].flatMap((operator) => {
    const unit = operator.kind === 'super-resolution' ? operator.factor : 1;
    return (
      [
        [13, 20],
        [17, 11],
      ] as const
    ).map(([h, w]) => {
      const [height, width] = unit === 1 ? [h, w] : [unit * (h >> 1), unit * (w >> 1)];
      return [`${operatorName(operator)} on ${width} × ${height}`, operator, height, width] as const;
    });
  });

  const read = async (tensor: Tensor): Promise<Float32Array> => (await tensor.read()) as Float32Array;
  const dot = (a: Float32Array, b: Float32Array): number => a.reduce((total, value, i) => total + value * b[i]!, 0);

  it.each(operators)('%s', async (_, descriptor, height, width) => {
    const operator = buildOperator(addon, device, descriptor, { height, width });
    using x = device.randn([2, 3, height, width], 1, 0);
    using forward = operator.forward(x);
    using y = device.randn(forward.shape, 2, 0);
    using adjoint = operator.adjoint(y);
    const [px, pf, py, pa] = (await Promise.all([x, forward, y, adjoint].map(read))) as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    expect(Math.abs(dot(pf, py) - dot(px, pa)) / Math.sqrt(dot(pf, pf) * dot(py, py))).toBeLessThan(1e-5);

    for (const gamma of [0.1, 10, 1000]) {
      // gamma Aᵀ(A u - y) + u - z = 0
      using u = operator.prox(x, y, gamma);
      using residual = operator.residual(u, y);
      expect(residual.shape[0]).toBe(2);
      using measured = operator.forward(u);
      using misfit = addon.linearCombination(1, measured, -1, y);
      using gradient = operator.adjoint(misfit);
      using moved = addon.linearCombination(1, u, -1, x);
      using optimality = addon.linearCombination(gamma, gradient, 1, moved);
      const po = await read(optimality);
      // Relative to the right-hand side of the normal equations; u's own rounding, times gamma, is more than 1e-4 of u - z.
      const scale = gamma * Math.sqrt(dot(pa, pa)) + Math.sqrt(dot(px, px));
      expect(Math.sqrt(dot(po, po)) / scale, `gamma ${gamma}`).toBeLessThan(1e-4);
    }
  });
});
