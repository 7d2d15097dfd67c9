import { beforeAll, describe, expect, it } from 'vitest';
import type { Addon, Device, Tensor } from '../../src/device/addon.js';
import { loadAddon } from '../../src/device/load.js';
import { convolutionMatrix, extended, gaussianTaps, referenceTaps, resizeMatrix } from '../../src/operators/filters.js';
import {
  buildOperator,
  colorization,
  convolution,
  denoising,
  gaussianBlur,
  imageSize,
  inpainting,
  type LoadedFile,
  measurementSize,
  motionBlur,
  type Operator,
  operatorName,
  parseOperator,
  superResolution,
} from '../../src/operators/index.js';
import { linearMotionKernel, randomMotionKernel } from '../../src/operators/motion.js';

const failure = (code: string, text = '') => expect.objectContaining({ code, message: expect.stringContaining(text) });
const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((total, value) => total + value, 0);

describe('factories', () => {
  it.each<[string, () => Operator]>([
    ['1', () => superResolution({ factor: 1 })],
    ['33', () => superResolution({ factor: 33 })],
    ['2.5', () => superResolution({ factor: 2.5 })],
    ['cubic', () => superResolution({ factor: 2, filter: 'cubic' as 'bicubic' })],
    ['left', () => superResolution({ factor: 2, phase: 'left' as 'centre' })],
    ['zero', () => superResolution({ factor: 2, phase: 'reference', boundary: 'zero' as 'reflect' })],
    ['phase reference', () => superResolution({ factor: 2, boundary: 'circular' })],
    ['0', () => gaussianBlur({ sigma: 0 })],
    ['NaN', () => gaussianBlur({ sigma: Number.NaN })],
    ['wrap', () => gaussianBlur({ sigma: 1, boundary: 'wrap' as 'circular' })],
    ['length', () => motionBlur({ length: 0, angle: 0 })],
    ['-1', () => motionBlur({ seed: -1 })],
    ['intensity', () => motionBlur({ seed: 1, intensity: 2 })],
    ['6 taps', () => convolution({ kernel: { height: 2, width: 3, taps: [1] } })],
    ['not 0', () => convolution({ kernel: { height: 1, width: 1, taps: [0] } })],
    ['centre', () => convolution({ kernel: { height: 1, width: 1, taps: [1] }, centre: [1, 0] })],
    ['4 values', () => inpainting({ mask: { height: 2, width: 2, values: [1] } })],
    ['not missing', () => inpainting({ mask: { height: 1, width: 2, values: [1, 1] } })],
    ['height of the box', () => inpainting({ box: [0, 0, 0, 1] })],
    ['three finite weights', () => colorization({ weights: [0, 0, 0] })],
  ])('refuse %s', (text, make) => {
    expect(make).toThrow(failure('ERR_LATINO_OPERATOR', text));
  });

  it('give plain data', () => {
    const operator = superResolution({ factor: 8 });
    expect(JSON.parse(JSON.stringify(operator))).toEqual(operator);
    expect(operatorName(operator)).toBe('sr:8');
  });
});

describe('sizes', () => {
  it('of super-resolution must be multiples of the factor', () => {
    const operator = superResolution({ factor: 8 });
    expect(measurementSize(operator, { height: 64, width: 128 })).toEqual({ height: 8, width: 16 });
    expect(imageSize(operator, { height: 8, width: 16 })).toEqual({ height: 64, width: 128 });
    expect(() => measurementSize(operator, { height: 64, width: 100 })).toThrow(
      failure('ERR_LATINO_SHAPE', 'multiples of the factor 8 but received width 100 and height 64'),
    );
  });

  it('of a mask and its image must agree', () => {
    const operator = inpainting({ mask: { height: 2, width: 3, values: [1, 0, 0, 0, 0, 0] } });
    expect(imageSize(operator, { height: 2, width: 3 })).toEqual({ height: 2, width: 3 });
    expect(() => imageSize(operator, { height: 4, width: 5 })).toThrow(failure('ERR_LATINO_SHAPE', '5 × 4 but received one of 3 × 2'));
    expect(() => imageSize(inpainting({ box: [2, 2, 4, 4] }), { height: 5, width: 9 })).toThrow(failure('ERR_LATINO_SHAPE', '9 × 5'));
  });
});

describe('parseOperator', () => {
  const file: LoadedFile = { height: 2, width: 2, channels: 1, data: Float32Array.of(1, 0, 0.4, 0.6) };
  const paths: string[] = [];
  const parse = (spec: string): Promise<Operator> =>
    parseOperator(spec, async (path) => {
      paths.push(path);
      return file;
    });

  it.each<[string, Operator]>([
    ['sr:8', superResolution({ factor: 8 })],
    ['sr:8,filter=bilinear,phase=reference', superResolution({ factor: 8, filter: 'bilinear', phase: 'reference' })],
    ['sr:4,phase=reference,boundary=circular', superResolution({ factor: 4, phase: 'reference', boundary: 'circular' })],
    ['deblur:gaussian:3', gaussianBlur({ sigma: 3 })],
    ['deblur:gaussian:1.5,boundary=reflect', gaussianBlur({ sigma: 1.5, boundary: 'reflect' })],
    ['deblur:motion:25:30', motionBlur({ length: 25, angle: 30 })],
    ['deblur:motion:random:7,size=31', motionBlur({ seed: 7, size: 31 })],
    ['inpaint:box:1:2:3:4', inpainting({ box: [1, 2, 3, 4] })],
    ['inpaint:mask.png', inpainting({ mask: { height: 2, width: 2, values: [1, 0, 0, 1] } })],
    ['denoise', denoising()],
    ['colorize', colorization()],
  ])('%s', async (spec, operator) => {
    const parsed = await parse(spec);
    expect(parsed).toEqual(operator);
    if (!spec.includes('mask')) expect(await parse(operatorName(parsed))).toEqual(operator);
  });

  it('normalises a kernel, and takes any path', async () => {
    const parsed = await parse('deblur:kernel:C:/a,b=c/k,1.png,boundary=zero');
    expect(paths.at(-1)).toBe('C:/a,b=c/k,1.png');
    expect(parsed).toMatchObject({ kind: 'convolution', boundary: 'zero', centre: [1, 1] });
    expect(sum((parsed as { kernel: { taps: Float64Array } }).kernel.taps)).toBeCloseTo(1, 12);
  });

  it.each([
    ['sharpen:2', 'sr:<factor>'],
    ['sr', 'deblur:gaussian:<sigma>'],
    ['sr:', 'sr:<factor>'],
    ['sr:eight', 'eight'],
    ['sr:64', '64'],
    ['sr:8,fliter=box', 'filter, phase, boundary'],
    ['sr:8,filter=box,filter=box', 'once'],
    ['deblur:motion:25', 'deblur:motion:<length>:<angle>'],
    ['inpaint:box:1:2', 'inpaint:box:<top>'],
    ['denoise:3', 'denoise'],
    ['denoise,filter=box', 'no options'],
    ['', 'denoise'],
  ])('refuses %s', async (spec, text) => {
    await expect(parse(spec)).rejects.toEqual(failure('ERR_LATINO_OPERATOR', text));
  });
});

describe('taps', () => {
  it('sum to 1', () => {
    for (const filter of ['bicubic', 'bilinear', 'gaussian', 'box', 'lanczos'] as const) {
      for (const factor of [2, 3, 8]) {
        expect(sum(referenceTaps(factor, filter))).toBeCloseTo(1, 12);
        const { rows, columns, values } = resizeMatrix(24, factor, filter);
        for (let i = 0; i < rows; i++) expect(sum(values.subarray(i * columns, (i + 1) * columns))).toBeCloseTo(1, 12);
      }
    }
    expect(gaussianTaps(3)).toHaveLength(19);
  });

  it('of phase reference sit half a low-resolution pixel up and left', () => {
    const { values } = convolutionMatrix(64, referenceTaps(4, 'bicubic'), 7, 'reflect', 4);
    const position = (i: number): number => Array.from({ length: 64 }, (_, j) => j * values[i * 64 + j]!).reduce((a, b) => a + b);
    expect(position(8)).toBeCloseTo(8 * 4 - 0.5, 10);
  });

  it('convolve, not correlate', () => {
    const { values } = convolutionMatrix(4, [1, 2, 3], 1, 'zero');
    // y[1] = 1 x[2] + 2 x[1] + 3 x[0]
    expect([...values.subarray(4, 8)]).toEqual([3, 2, 1, 0]);
  });

  it('find the pixels beyond the border', () => {
    const around = [-5, -2, -1, 0, 3, 4, 5, 8];
    expect(around.map((i) => extended(i, 4, 'reflect'))).toEqual([1, 2, 1, 0, 3, 2, 1, 2]);
    expect(around.map((i) => extended(i, 4, 'replicate'))).toEqual([0, 0, 0, 0, 3, 3, 3, 3]);
    expect(around.map((i) => extended(i, 4, 'circular'))).toEqual([3, 2, 3, 0, 3, 0, 1, 0]);
    expect(around.map((i) => extended(i, 4, 'zero'))).toEqual([-1, -1, -1, 0, 3, -1, -1, -1]);
  });

  it('of a horizontal motion are equal', () => {
    const { width, centreY, values: taps } = linearMotionKernel({ length: 5, angle: 0 });
    expect([...taps.subarray(centreY * width, (centreY + 1) * width)].filter((tap) => tap > 0)).toEqual([0.2, 0.2, 0.2, 0.2, 0.2]);
    const vertical = linearMotionKernel({ length: 5, angle: 90 });
    expect(vertical.values.filter((tap) => tap > 1e-9)).toHaveLength(5);
    const rising = linearMotionKernel({ length: 9, angle: 45 });
    expect(rising.values[(rising.centreY - 2) * rising.width + rising.centreX + 2]).toBeGreaterThan(0.05);
    expect(rising.values[(rising.centreY - 2) * rising.width + rising.centreX - 2]).toBe(0);
  });

  it('of a random motion depend on the seed alone, and are centred', () => {
    const kernel = randomMotionKernel({ size: 25, seed: 7, intensity: 0.5 });
    expect(kernel).toEqual(randomMotionKernel({ size: 25, seed: 7, intensity: 0.5 }));
    expect(kernel.values).not.toEqual(randomMotionKernel({ size: 25, seed: 8, intensity: 0.5 }).values);
    expect(sum(kernel.values)).toBeCloseTo(1, 12);
    for (const size of [3, 24, 25, 61]) {
      for (const intensity of [0, 0.5, 1]) {
        const { values: taps, centreX, centreY } = randomMotionKernel({ size, seed: 3, intensity });
        expect(taps.reduce((total, tap, i) => total + tap * ((i % size) - centreX), 0)).toBeCloseTo(0, 9);
        expect(taps.reduce((total, tap, i) => total + tap * (Math.floor(i / size) - centreY), 0)).toBeCloseTo(0, 9);
      }
    }
  });
});

describe('properties of every operator', () => {
  let addon: Addon;
  let device: Device;
  beforeAll(() => {
    addon = loadAddon();
    device = addon.openDevice('cpu');
  });
  const boundaries = ['reflect', 'replicate', 'zero', 'circular'] as const;
  const asymmetric = { height: 4, width: 3, taps: [1, 2, 0, 3, 5, 1, 0, 2, 4, 1, 1, 0].map((tap) => tap / 20) };
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
      convolution({ kernel: asymmetric, boundary }),
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
