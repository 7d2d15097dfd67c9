import { LatinoError } from '../errors.js';
import { show, suggestion } from '../schema.js';

/** A grey or colour picture that an operator names, as `readImage` reads it: planar, values in [-1, 1]. */
export interface LoadedFile {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly data: Float32Array;
}

/** Reads the picture at a path. */
export type LoadFile = (path: string) => Promise<LoadedFile>;

/** The `,name=value` pairs behind a spelling. */
export type SpelledOptions = ReadonlyMap<string, string>;

/** How a kind of operator is written on the command line. */
export interface Spelling {
  /** As in `sr:<factor>`; what precedes the first placeholder tells it from others. */
  readonly usage: string;
  readonly example: string;
  /** What the operator does, for help; a phrase. */
  readonly help: string;
  /** Option names, each with its values or its range; the first of a choice is the default. */
  readonly options: Readonly<Record<string, string>>;
  /** The argument is a file path, which may hold any character. */
  readonly path?: boolean;
  /** What the kind's schema is to check. Without `path`, argument and options are in lower case. */
  parse(argument: string, options: SpelledOptions, loadFile: LoadFile): object | Promise<object>;
}

export const BOUNDARY_OPTION = { boundary: 'circular|reflect|replicate|zero' };

/** `sr:` of `sr:<factor>`, `denoise` of `denoise`. */
export const prefixOf = ({ usage }: Spelling): string => usage.replace(/<.*/, '');

export const refused = (expected: string, received: string, hint = ''): LatinoError =>
  new LatinoError('ERR_LATINO_OPERATOR', `Expected ${expected} but received ${show(received)}${hint}`);

/** A number where the text is one; the text otherwise, which no schema of a number takes. */
export function numberOrText(text: string | undefined): number | string | undefined {
  return text === undefined || text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text);
}

/** The parts of `25:30`, one for each placeholder of the usage. */
export function numbersOf(usage: string, argument: string): (number | string | undefined)[] {
  const parts = argument.split(':');
  if (parts.length !== usage.split('<').length - 1) throw refused(usage, argument);
  return parts.map(numberOrText);
}

/** `,filter=box`, for options that are not what they are by default. */
export const optionsText = (options: Readonly<Record<string, readonly [value: unknown, byDefault: unknown]>>): string =>
  Object.entries(options)
    .map(([name, [value, byDefault]]) => (value === undefined || value === byDefault ? '' : `,${name}=${value}`))
    .join('');

/** Takes trailing `,name=value` pairs off; after a path only those whose names are options, since a path may hold commas. */
export function splitOptions(text: string, { options: known, path, usage }: Spelling): { argument: string; options: SpelledOptions } {
  const names = Object.keys(known);
  const options = new Map<string, string>();
  let argument = text;
  for (let match = lastOption(argument); match; match = lastOption(argument)) {
    const [name, value] = [match[1]!.toLowerCase(), match[2]!.toLowerCase()];
    if (!names.includes(name)) {
      if (path) break;
      throw refused(
        names.length > 0 ? `${names.join(', ')} as options of ${usage}` : `no options of ${usage}`,
        name,
        suggestion(name, names),
      );
    }
    if (options.has(name)) throw refused(`${name} once`, `${usage},${name}=${value},${name}=${options.get(name)}`);
    options.set(name, value);
    argument = argument.slice(0, match.index);
  }
  return { argument: path ? argument : argument.toLowerCase(), options };
}

const lastOption = (text: string): RegExpExecArray | null => /,([A-Za-z]+)=([^,]*)$/.exec(text);

/** Mean over the channels, in [0, 1], [H, W]. */
export function grey({ height, width, channels, data }: LoadedFile): { height: number; width: number; values: Float64Array } {
  const count = height * width;
  const values = new Float64Array(count);
  for (let channel = 0; channel < channels; channel++) {
    for (let i = 0; i < count; i++) values[i]! += (data[channel * count + i]! + 1) / 2 / channels;
  }
  return { height, width, values };
}
