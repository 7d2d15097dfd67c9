import { z } from 'zod';
import type { Addon, Device, NativeOperator } from '../device/addon.js';
import { parseOptions } from '../schema.js';
import type { Spelling } from './spelling.js';

/** Pixels. */
export interface Size {
  readonly height: number;
  readonly width: number;
}

/** Which row of the authors' tables of step sizes an operator belongs to. */
export type OfficialTask =
  | { readonly task: 'super-resolution'; readonly factor: number }
  | { readonly task: 'gaussian'; readonly kernelSigma: number }
  | { readonly task: 'motion' | 'inpainting' | 'other' };

/** What a kernel's taps come to along each row and each column. */
export interface TapSums {
  readonly rows: Float64Array;
  readonly columns: Float64Array;
}

/** An operator as plain data: its kind and the options that make it. */
export type Descriptor<Kind extends string, Options extends object> = { readonly kind: Kind } & Readonly<Options>;

/** All that there is to know about a kind of operator. The sizes and the native operator are asked for only with options that the schema gave. */
export interface OperatorKind<Kind extends string, Options extends object> {
  readonly kind: Kind;
  /** The function that users make it with. */
  readonly factory: string;
  /** What a factory and a descriptor may hold beside the kind, with defaults. Arrays are copied: they belong to the operator from then on. */
  readonly schema: z.ZodType<Options>;
  readonly spellings: readonly Spelling[];
  /** The operator as it is spelled, or where it came from a file, as close to it as the data tells. */
  format(operator: Descriptor<Kind, Options>): string;

  /** @throws LatinoError ERR_LATINO_SHAPE when the operator cannot measure an image of this size */
  measurementSize(operator: Descriptor<Kind, Options>, image: Size): Size;
  /** @throws LatinoError ERR_LATINO_SHAPE when no image has a measurement of this size */
  imageSize(operator: Descriptor<Kind, Options>, measurement: Size): Size;
  build(addon: Addon, device: Device, operator: Descriptor<Kind, Options>, image: Size): NativeOperator;

  /** Of the measurement of a colour image. */
  readonly measurementChannels: 1 | 3;
  /** Of a kind that leaves pixels out: [H, W], anything but 0 where one was never measured. What a measurement holds there is to be ignored. */
  missingPixels?(operator: Descriptor<Kind, Options>, image: Size): Uint8Array;
  /** Of a kind that convolves. */
  tapSums?(operator: Descriptor<Kind, Options>): TapSums;
  /** Of a kind that leaves images as they are. */
  readonly isIdentity?: true;
  officialTask(operator: Descriptor<Kind, Options>): OfficialTask;
}

/** Of a kind whose measurements have their image's size. */
export const SAME_SIZE = {
  measurementSize: (_: unknown, { height, width }: Size): Size => ({ height, width }),
  imageSize: (_: unknown, { height, width }: Size): Size => ({ height, width }),
};

/** How a picture goes on beyond its border. */
export const boundary = z.enum(['circular', 'reflect', 'replicate', 'zero']).default('circular');

const checked = new WeakSet<object>();

/** Whether the value came out of `descriptorOf`, and so needs no second look. */
export const isDescriptor = (value: object): boolean => checked.has(value);

/** @throws LatinoError ERR_LATINO_OPERATOR when the options are not what the kind's schema asks for */
export function descriptorOf<Kind extends string, Options extends object>(
  { kind, factory, schema }: Pick<OperatorKind<Kind, Options>, 'kind' | 'factory' | 'schema'>,
  options: unknown,
  what = `the options of ${factory}`,
): Descriptor<Kind, Options> {
  const descriptor = Object.freeze({ kind, ...parseOptions(schema, options, { code: 'ERR_LATINO_OPERATOR', what }) });
  checked.add(descriptor);
  return descriptor;
}
