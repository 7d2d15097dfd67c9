import { describe, expect, it } from 'vitest';
import {
  type Convolution,
  colorization,
  convolution,
  denoising,
  gaussianBlur,
  inpainting,
  type LoadedFile,
  motionBlur,
  type Operator,
  operatorName,
  operatorsHelp,
  operatorsTable,
  operatorTraits,
  parseOperator,
  superResolution,
} from '../../src/operators/index.js';
import { KINDS } from '../../src/operators/registry.js';

const failure = (code: string, text = '') => expect.objectContaining({ code, message: expect.stringContaining(text) });
const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((total, value) => total + value, 0);

const GREY = { height: 1, width: 1, values: [1] };

describe('parseOperator', () => {
  const file: LoadedFile = { height: 2, width: 2, channels: 1, data: Float32Array.of(1, -1, -0.2, 0.2) };
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

  it('hides the pixels of a large picture that are white on average', async () => {
    const [width, height] = [1031, 1024];
    const count = width * height;
    const data = Float32Array.from({ length: 3 * count }, (_, i) => (((i % count) * 7) % 11) / 5 - 1 + Math.floor(i / count) * 0.2 - 0.2);
    const parsed = await parseOperator('inpaint:m.png', async () => ({ height, width, channels: 3, data }));
    const { mask } = parsed as { mask: { height: number; width: number; values: Uint8Array } };
    const wrong = mask.values.findIndex((value, i) => value !== ((i * 7) % 11 >= 5 ? 1 : 0));
    expect([mask.height, mask.width, mask.values.length, wrong]).toEqual([height, width, count, -1]);
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
  const file: LoadedFile = { height: 2, width: 2, channels: 1, data: Float32Array.of(1, -1, -0.2, 0.2) };
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
      isNoiseAlone: false,
      official: { task: 'super-resolution', factor: 8 },
    });
    expect(operatorTraits(gaussianBlur({ sigma: 3 })).official).toEqual({ task: 'gaussian', kernelSigma: 3 });
    expect(operatorTraits(motionBlur({ seed: 3 })).official).toEqual({ task: 'motion' });
    expect(operatorTraits(convolution({ taps: GREY })).official).toEqual({ task: 'motion' });
    expect(operatorTraits(inpainting({ box: [1, 2, 3, 4] }))).toMatchObject({ hidesPixels: true, official: { task: 'inpainting' } });
    expect(operatorTraits(colorization())).toMatchObject({ measurementChannels: 1, official: { task: 'other' } });
    expect(operatorTraits(denoising())).toMatchObject({ isNoiseAlone: true, official: { task: 'other' } });
  });
});
