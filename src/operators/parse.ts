import { LatinoError } from '../errors.js';
import {
  type Boundary,
  colorization,
  convolution,
  denoising,
  gaussianBlur,
  inpainting,
  motionBlur,
  type Operator,
  type Phase,
  type ResizeFilter,
  superResolution,
} from './descriptors.js';
import { normalised } from './filters.js';

/** A grey or colour picture that an operator names, values in [0, 1], planar. */
export interface LoadedFile {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly data: Float32Array;
}

type Options = ReadonlyMap<string, string>;
interface Spelling {
  /** What the operator is written as. */
  readonly usage: string;
  readonly prefix: string;
  readonly options: readonly string[];
  /** The argument is a file path, which may hold any character. */
  readonly path?: boolean;
  parse(argument: string, options: Options, loadFile: (path: string) => Promise<LoadedFile>): Operator | Promise<Operator>;
}

const boundaryOf = (options: Options): Boundary | undefined => options.get('boundary') as Boundary | undefined;

const SPELLINGS: readonly Spelling[] = [
  {
    usage: 'sr:<factor>',
    prefix: 'sr:',
    options: ['filter', 'phase', 'boundary'],
    parse: (argument, options) =>
      superResolution({
        factor: toNumber('factor', argument),
        filter: options.get('filter') as ResizeFilter | undefined,
        phase: options.get('phase') as Phase | undefined,
        boundary: options.get('boundary') as 'reflect' | 'circular' | undefined,
      }),
  },
  {
    usage: 'deblur:gaussian:<sigma>',
    prefix: 'deblur:gaussian:',
    options: ['boundary'],
    parse: (argument, options) => gaussianBlur({ sigma: toNumber('sigma of the blur', argument), boundary: boundaryOf(options) }),
  },
  {
    usage: 'deblur:motion:random:<seed>',
    prefix: 'deblur:motion:random:',
    options: ['boundary', 'size', 'intensity'],
    parse: (argument, options) => {
      const [size, intensity] = ['size', 'intensity'].map((name) => (options.has(name) ? toNumber(name, options.get(name)!) : undefined));
      return motionBlur({ seed: toNumber('seed of the motion', argument), size, intensity, boundary: boundaryOf(options) });
    },
  },
  {
    usage: 'deblur:motion:<length>:<angle>',
    prefix: 'deblur:motion:',
    options: ['boundary'],
    parse: (argument, options) => {
      const [length, angle] = numbers('deblur:motion:<length>:<angle>', argument, 2);
      return motionBlur({ length: length!, angle: angle!, boundary: boundaryOf(options) });
    },
  },
  {
    usage: 'deblur:kernel:<image>',
    prefix: 'deblur:kernel:',
    options: ['boundary'],
    path: true,
    parse: async (path, options, loadFile) => {
      const { height, width, taps } = grey(await loadFile(path));
      if (taps.every((tap) => tap === 0)) throw received('a kernel image with a pixel that is not black', path);
      return convolution({ kernel: { height, width, taps: normalised(taps) }, boundary: boundaryOf(options) });
    },
  },
  {
    usage: 'inpaint:box:<top>:<left>:<height>:<width>',
    prefix: 'inpaint:box:',
    options: [],
    parse: (argument) => {
      const [top, left, height, width] = numbers('inpaint:box:<top>:<left>:<height>:<width>', argument, 4);
      return inpainting({ box: [top!, left!, height!, width!] });
    },
  },
  {
    usage: 'inpaint:<mask>',
    prefix: 'inpaint:',
    options: [],
    path: true,
    parse: async (path, _, loadFile) => {
      const { height, width, taps } = grey(await loadFile(path));
      return inpainting({ mask: { height, width, values: taps } });
    },
  },
  { usage: 'denoise', prefix: 'denoise', options: [], parse: (argument) => withoutArgument('denoise', argument, denoising()) },
  { usage: 'colorize', prefix: 'colorize', options: [], parse: (argument) => withoutArgument('colorize', argument, colorization()) },
];

/**
 * An operator from its spelling: `sr:8`, `deblur:gaussian:3`, `deblur:motion:25:30`, `deblur:motion:random:7`, `deblur:kernel:k.png`,
 * `inpaint:mask.png` (white where pixels are missing), `inpaint:box:40:36:48:56`, `denoise`, `colorize`, each followed by its options as
 * `,name=value`.
 *
 * @param loadFile reads the picture at a path that the spelling names
 * @throws LatinoError ERR_LATINO_OPERATOR when there is no such operator or option, or a value is out of range
 */
export async function parseOperator(spec: string, loadFile: (path: string) => Promise<LoadedFile>): Promise<Operator> {
  const spelling = SPELLINGS.find(({ prefix }) => spec.startsWith(prefix));
  if (!spelling) throw received(`an operator (${SPELLINGS.map(({ usage }) => usage).join(', ')})`, spec);
  const { argument, options } = splitOptions(spec.slice(spelling.prefix.length), spelling);
  if (argument === '' && spelling.prefix.endsWith(':')) throw received(spelling.usage, spec);
  return spelling.parse(argument, options, loadFile);
}

/** Takes trailing `,name=value` pairs off; after a path only those whose names are options, since a path may hold commas. */
function splitOptions(text: string, { options: known, path, usage }: Spelling): { argument: string; options: Options } {
  const options = new Map<string, string>();
  let argument = text;
  for (let match = lastOption(argument); match; match = lastOption(argument)) {
    const [whole, name, value] = match as unknown as [string, string, string];
    if (!known.includes(name)) {
      if (path) break;
      throw received(known.length > 0 ? `${known.join(', ')} as options of ${usage}` : `no options of ${usage}`, name);
    }
    if (options.has(name)) throw received(`${name} once`, `${usage},${name}=${value},${name}=${options.get(name)}`);
    options.set(name, value);
    argument = argument.slice(0, argument.length - whole.length);
  }
  return { argument, options };
}

const lastOption = (text: string): RegExpExecArray | null => /,([A-Za-z]+)=([^,]*)$/.exec(text);

function toNumber(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw received(`a number for ${name}`, `'${text}'`);
  return value;
}

function numbers(usage: string, text: string, count: number): number[] {
  const parts = text.split(':');
  if (parts.length !== count) throw received(usage, `'${text}' after the name`);
  return parts.map((part) => toNumber(usage, part));
}

function withoutArgument(name: string, argument: string, operator: Operator): Operator {
  if (argument !== '') throw received(name, `${name}${argument}`);
  return operator;
}

/** Mean over the channels, [H, W]. */
function grey({ height, width, channels, data }: LoadedFile): { height: number; width: number; taps: Float64Array } {
  const count = height * width;
  const taps = new Float64Array(count);
  for (let i = 0; i < channels * count; i++) taps[i % count]! += data[i]! / channels;
  return { height, width, taps };
}

function received(what: string, value: string): LatinoError {
  return new LatinoError('ERR_LATINO_OPERATOR', `Expected ${what} but received ${value}`);
}
