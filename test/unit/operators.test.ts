import { describe, expect, it } from 'vitest';
import { LatinoError } from '../../src/errors.js';
import {
  checkOperator,
  colorization,
  convolution,
  denoising,
  gaussianBlur,
  imageSize,
  inpainting,
  measurementSize,
  motionBlur,
  type Operator,
  operatorName,
  superResolution,
} from '../../src/operators/index.js';

const failure = (code: string, text = '') => expect.objectContaining({ code, message: expect.stringContaining(text) });

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
