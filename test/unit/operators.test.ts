import { beforeAll, describe, expect, it } from 'vitest';
import type { Addon, Device, Tensor } from '../../src/device/addon.js';
import { loadAddon } from '../../src/device/load.js';
import { LatinoError } from '../../src/errors.js';
import { convolutionMatrix, extended, gaussianTaps, referenceTaps, resizeMatrix } from '../../src/operators/filters.js';
import {
  buildOperator,
  type Convolution,
  checkOperator,
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
  operatorsHelp,
  operatorsTable,
  operatorTraits,
  parseOperator,
  superResolution,
} from '../../src/operators/index.js';
import { linearMotionTaps, randomMotionTaps } from '../../src/operators/motion.js';
import { KINDS } from '../../src/operators/registry.js';

const failure = (code: string, text = '') => expect.objectContaining({ code, message: expect.stringContaining(text) });
const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((total, value) => total + value, 0);

const GREY = { height: 1, width: 1, values: [1] };
/** What somebody who does not look at types might write. */
const loose = (make: (options: never) => Operator) => (options: unknown) => make(options as never);
const [sr, blur, motion, conv, inpaint, colour] = [superResolution, gaussianBlur, motionBlur, convolution, inpainting, colorization].map(
  (make) => loose(make),
) as [Make, Make, Make, Make, Make, Make];
type Make = (options: unknown) => Operator;

describe('factories', () => {
  it.each<[string, () => Operator]>([
    ['an integer from 2 to 32 for factor but received 1', () => sr({ factor: 1 })],
    ['an integer from 2 to 32 for factor but received 33', () => sr({ factor: 33 })],
    ['an integer from 2 to 32 for factor but received 2.5', () => sr({ factor: 2.5 })],
    ["an integer from 2 to 32 for factor but received '8'", () => sr({ factor: '8' })],
    ['an object for the options of superResolution but received nothing', () => sr(undefined)],
    ['an object for the options of superResolution but received 8', () => sr(8)],
    ["bicubic, bilinear, gaussian, box or lanczos for filter but received 'cubic'", () => sr({ factor: 2, filter: 'cubic' })],
    ["centre or reference for phase but received 'left'", () => sr({ factor: 2, phase: 'left' })],
    ["reflect or circular for boundary but received 'zero'", () => sr({ factor: 2, phase: 'reference', boundary: 'zero' })],
    ['reference where there is a boundary', () => sr({ factor: 2, boundary: 'circular' })],
    [
      'factor, filter, phase, boundary in the options of superResolution but received fliter: did you mean filter?',
      () => sr({ factor: 2, fliter: 'box' }),
    ],
    ['a number from 0.01 to 1000 for sigma but received 0', () => blur({ sigma: 0 })],
    ['a number from 0.01 to 1000 for sigma but received NaN', () => blur({ sigma: Number.NaN })],
    ["circular, reflect, replicate or zero for boundary but received 'wrap'", () => blur({ sigma: 1, boundary: 'wrap' })],
    ['a number from 1 to 1000 for length but received 0', () => motion({ length: 0, angle: 0 })],
    ['a number from -360 to 360 for angle but received nothing', () => motion({ length: 3 })],
    ['an integer of at least 0 for seed but received -1', () => motion({ seed: -1 })],
    ['a number from 0 to 1 for intensity but received 2', () => motion({ seed: 1, intensity: 2 })],
    ['seed, size, intensity, boundary in the options of motionBlur but received szie', () => motion({ seed: 1, szie: 9 })],
    ['6 numbers, 3 × 2, for taps.values but received an array of 1', () => conv({ taps: { height: 2, width: 3, values: [1] } })],
    [
      '6 numbers, 3 × 2, for taps.values but received a Float32Array of 5',
      () => conv({ taps: { height: 2, width: 3, values: new Float32Array(5) } }),
    ],
    ['a finite number for taps.values[1] but received NaN', () => conv({ taps: { height: 1, width: 2, values: [1, Number.NaN] } })],
    ["a finite number for taps.values[0] but received '1'", () => conv({ taps: { height: 1, width: 1, values: ['1'] } })],
    ['a tap that is not 0 for taps.values', () => conv({ taps: { height: 1, width: 1, values: [0] } })],
    ["an array of numbers for taps.values but received 'k.png'", () => conv({ taps: { height: 1, width: 1, values: 'k.png' } })],
    [
      'an array of numbers for taps.values but received a BigInt64Array of 1',
      () => conv({ taps: { ...GREY, values: new BigInt64Array(1) } }),
    ],
    ['an integer from 1 to 8192 for taps.height but received 4294967296', () => conv({ taps: { ...GREY, height: 2 ** 32 } })],
    ['taps, centre, boundary in the options of convolution but received kernel', () => conv({ kernel: GREY })],
    ['an integer from 0 to 0 for centre[0] but received 1', () => conv({ taps: GREY, centre: [1, 0] })],
    ['an array of row and column for centre but received an array of 1', () => conv({ taps: GREY, centre: [0] })],
    ['4 numbers, 2 × 2, for mask.values but received an array of 1', () => inpaint({ mask: { height: 2, width: 2, values: [1] } })],
    ['a mask with a pixel that is not missing', () => inpaint({ mask: { height: 1, width: 2, values: [1, 1] } })],
    ['a finite number for mask.values[0] but received NaN', () => inpaint({ mask: { height: 1, width: 2, values: [Number.NaN, 1] } })],
    ['an object for mask but received', () => inpaint({ mask: 'mask.png' })],
    ['a height from 1 to 65535 for box[2] but received 0', () => inpaint({ box: [0, 0, 0, 1] })],
    ['an array of top, left, height and width for box but received an object with top, left', () => inpaint({ box: { top: 1, left: 2 } })],
    ['an array of top, left, height and width for box but received an array of 3', () => inpaint({ box: [1, 2, 3] })],
    ['an object for mask but received nothing', () => inpaint({})],
    ['an object for the options of inpainting but received null', () => inpaint(null)],
    ['a weight that is not 0 for weights', () => colour({ weights: [0, 0, 0] })],
    ['a number for weights[1] but received NaN', () => colour({ weights: [1, Number.NaN, 0] })],
    ['an array of three weights for weights but received an array of 2', () => colour({ weights: [1, 2] })],
  ])('refuse what is not %s', (text, make) => {
    expect(make).toThrow(LatinoError);
    expect(make).toThrow(failure('ERR_LATINO_OPERATOR', `Expected ${text}`));
  });

  it('give plain data', () => {
    const operator = superResolution({ factor: 8 });
    expect(JSON.parse(JSON.stringify(operator))).toEqual(operator);
    expect(operatorName(operator)).toBe('sr:8');
  });

  it('keep the taps, the mask, the box and the weights that they were given, whatever becomes of the arrays', () => {
    const values = Float64Array.of(1, 2);
    const hidden = Uint8Array.of(0, 1);
    const box: [number, number, number, number] = [1, 2, 3, 4];
    const weights: [number, number, number] = [1, 2, 3];
    const operators = [
      convolution({ taps: { height: 1, width: 2, values } }),
      inpainting({ mask: { height: 1, width: 2, values: hidden } }),
      inpainting({ box }),
      colorization({ weights }),
    ];
    const before = structuredClone(operators);
    for (const array of [values, hidden, box, weights]) array.fill(7);
    expect(operators).toEqual(before);
    for (const operator of operators) expect(Object.isFrozen(operator)).toBe(true);
    expect(() => {
      (operators[2] as unknown as { box: number[] }).box[0] = 7;
    }).toThrow(TypeError);
  });
});

describe('checkOperator', () => {
  const masked = inpainting({ mask: { height: 1, width: 2, values: [1, 0] } });

  it.each<Operator>([
    superResolution({ factor: 8 }),
    superResolution({ factor: 2, phase: 'reference', boundary: 'circular' }),
    gaussianBlur({ sigma: 2 }),
    motionBlur({ length: 3, angle: 4 }),
    motionBlur({ seed: 3 }),
    convolution({ taps: GREY }),
    masked,
    inpainting({ box: [1, 2, 3, 4] }),
    denoising(),
    colorization(),
  ])('takes what a factory made as it is, and the same from elsewhere: $kind', (operator) => {
    expect(checkOperator(operator)).toBe(operator);
    const copy = checkOperator(structuredClone(operator));
    expect(copy).not.toBe(operator);
    expect(copy).toEqual(operator);
  });

  it('fills in defaults, and copies arrays', () => {
    expect(checkOperator({ kind: 'super-resolution', factor: 8 })).toEqual(superResolution({ factor: 8 }));
    const values = Uint8Array.of(1, 0);
    const operator = checkOperator({ kind: 'inpainting', mask: { height: 1, width: 2, values } });
    values.fill(0);
    expect(operator).toEqual(masked);
  });

  it.each<[string, unknown]>([
    ['an operator, such as superResolution({ factor: 8 }), but received nothing', undefined],
    ['an operator, such as superResolution({ factor: 8 }), but received null', null],
    ["an operator (parseOperator makes one of a spelling) but received 'sr:8'", 'sr:8'],
    ["for kind of the operator but received 'super-resolutoin': did you mean super-resolution?", { kind: 'super-resolutoin' }],
    ['for kind of the operator but received nothing', {}],
    ['for kind of the operator but received 3', { kind: 3 }],
    ["for kind of the operator but received 'constructor'", { kind: 'constructor' }],
    ['for kind of the operator but received nothing', [1, 2]],
    [
      'factor, filter, phase, boundary in an operator of kind super-resolution but received fliter: did you mean filter?',
      { kind: 'super-resolution', factor: 8, fliter: 'box' },
    ],
    ["an integer from 2 to 32 for factor but received '8'", { kind: 'super-resolution', factor: '8' }],
    [
      '4 numbers, 2 × 2, for mask.values but received a Uint8Array of 3',
      { kind: 'inpainting', mask: { height: 2, width: 2, values: new Uint8Array(3) } },
    ],
    ['a finite number for taps.values[0] but received NaN', { kind: 'convolution', taps: { ...GREY, values: [Number.NaN] } }],
    ['no keys in an operator of kind denoising but received sigma', { kind: 'denoising', sigma: 1 }],
  ])('refuses what is not %s', (text, value) => {
    expect(() => checkOperator(value)).toThrow(LatinoError);
    expect(() => checkOperator(value)).toThrow(failure('ERR_LATINO_OPERATOR', text));
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
    ['SR:8', superResolution({ factor: 8 })],
    ['Sr:8,Filter=Bilinear', superResolution({ factor: 8, filter: 'bilinear' })],
    ['Denoise', denoising()],
    ['Deblur:Gaussian:3', gaussianBlur({ sigma: 3 })],
    ['DEBLUR:MOTION:RANDOM:7', motionBlur({ seed: 7 })],
    ['deblur:motion:random:7,intensity=0', motionBlur({ seed: 7, intensity: 0 })],
  ])('%s', async (spec, operator) => {
    const parsed = await parse(spec);
    expect(parsed).toEqual(operator);
    if (!spec.includes('mask')) expect(await parse(operatorName(parsed))).toEqual(operator);
  });

  it('normalises a kernel, and takes any path', async () => {
    const parsed = await parse('deblur:kernel:C:/a,b=c/k,1.png,boundary=zero');
    expect(paths.at(-1)).toBe('C:/a,b=c/k,1.png');
    expect(parsed).toMatchObject({ kind: 'convolution', boundary: 'zero', centre: [1, 1] });
    await parse('Deblur:Kernel:C:\\A,B=c\\K.PNG,Boundary=Zero');
    expect(paths.at(-1)).toBe('C:\\A,B=c\\K.PNG');
    await parse('INPAINT:Mask:1,2.png');
    expect(paths.at(-1)).toBe('Mask:1,2.png');
    expect(sum((parsed as Convolution).taps.values)).toBeCloseTo(1, 12);
  });

  it.each([
    ['sharpen:2', 'sr:<factor>'],
    ['sr', "sr:<factor> but received 'sr'"],
    ['sr:', 'sr:<factor>'],
    ['sr:eight', "an integer from 2 to 32 for factor but received 'eight'"],
    ['sr:64', 'an integer from 2 to 32 for factor but received 64'],
    ['sr:8,fliter=box', "filter, phase, boundary as options of sr:<factor> but received 'fliter': did you mean filter?"],
    ['sr:8,filter=cubic', "for filter but received 'cubic'"],
    ['sr:8,filter=box,filter=box', 'once'],
    ['deblur:motion:25', 'deblur:motion:<length>:<angle>'],
    ['inpaint:box:1:2', 'inpaint:box:<top>'],
    ['denoise:3', 'denoise'],
    ['denoise,filter=box', 'no options'],
    ['', 'denoise'],
    ['sr8', 'did you mean sr:<factor>?'],
    ['super-resolution:8', 'did you mean sr:<factor>?'],
    ['deblurr:gausian:3', 'did you mean deblur:gaussian:<sigma>?'],
    ['blur:gaussian:3,boundary=zero', 'did you mean deblur:gaussian:<sigma>?'],
    ['inpainting:mask.png', 'did you mean inpaint:<mask>?'],
    ['denoising', 'did you mean denoise?'],
    ['deblur:motion:random', "deblur:motion:random:<seed> but received 'deblur:motion:random'"],
    ['deblur:motion:random:x', "an integer of at least 0 for seed but received 'x'"],
    ['deblur:motion:random:7,size=many', "an integer from 3 to 1023 for size but received 'many'"],
  ])('refuses %s', async (spec, text) => {
    await expect(parse(spec)).rejects.toEqual(failure('ERR_LATINO_OPERATOR', text));
  });
});

describe('every kind', () => {
  const file: LoadedFile = { height: 2, width: 2, channels: 1, data: Float32Array.of(1, 0, 0.4, 0.6) };
  const spellings = KINDS.flatMap((kind) => kind.spellings.map((spelling) => [spelling.example, kind, spelling] as const));

  it.each(spellings)('%s is an example of its spelling, and stands in help and table', async (example, kind, spelling) => {
    const operator = await parseOperator(example, async () => file);
    expect(operator.kind).toBe(kind.kind);
    expect(operatorsHelp()).toContain(`${example} `);
    expect(operatorsTable()).toContain(`| \`${spelling.usage}\` | \`${example}\` | ${spelling.help} |`);
    for (const [name, values] of Object.entries(spelling.options)) {
      expect(operatorsHelp()).toContain(`,${name}=${values}`);
      expect(operatorsTable()).toContain(`${name}=`);
      const [first] = /^[\w]+/.exec(values)!;
      const phase = name === 'boundary' && kind.kind === 'super-resolution' ? ',phase=reference' : '';
      await expect(parseOperator(`${example},${name}=${first}${phase}`, async () => file)).resolves.toMatchObject({ kind: kind.kind });
    }
  });

  it('has the default of a choice first in its help', async () => {
    for (const [example, , { options }] of spellings) {
      const operator = await parseOperator(example, async () => file);
      for (const [name, values] of Object.entries(options)) {
        if (values.includes('|') && !values.includes('with')) expect(operator).toHaveProperty(name, values.split('|')[0]);
      }
    }
  });

  it('says what a measurement is, and which of the official step sizes are its own', () => {
    expect(operatorTraits(superResolution({ factor: 8 }))).toEqual({
      measurementChannels: 3,
      hidesPixels: false,
      official: { task: 'super-resolution', factor: 8 },
    });
    expect(operatorTraits(gaussianBlur({ sigma: 3 })).official).toEqual({ task: 'gaussian', kernelSigma: 3 });
    expect(operatorTraits(motionBlur({ seed: 3 })).official).toEqual({ task: 'motion' });
    expect(operatorTraits(convolution({ taps: GREY })).official).toEqual({ task: 'motion' });
    expect(operatorTraits(inpainting({ box: [1, 2, 3, 4] }))).toMatchObject({ hidesPixels: true, official: { task: 'inpainting' } });
    expect(operatorTraits(colorization())).toMatchObject({ measurementChannels: 1, official: { task: 'other' } });
    expect(operatorTraits(denoising()).official).toEqual({ task: 'other' });
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

describe('properties of every operator', () => {
  let addon: Addon;
  let device: Device;
  beforeAll(() => {
    addon = loadAddon();
    device = addon.openDevice('cpu');
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
