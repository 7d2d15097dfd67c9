import type { Addon, Device, NativeOperator } from '../device/addon.js';
import { LatinoError } from '../errors.js';
import { nearest, show } from '../schema.js';
import { descriptorOf, isDescriptor, type OfficialTask, type Size, type TapSums } from './kind.js';
import { KINDS, kindNamed, kindOf, type Operator } from './registry.js';

/**
 * The operator that a value is: one that a factory or `parseOperator` made, or the same written by hand, whose arrays are copied.
 *
 * @throws LatinoError ERR_LATINO_OPERATOR when it is none
 */
export function checkOperator(value: unknown): Operator {
  if (typeof value === 'string') throw refused(`an operator (parseOperator makes one of a spelling)`, show(value));
  if (typeof value !== 'object' || value === null) throw refused('an operator, such as superResolution({ factor: 8 }),', show(value));
  if (isDescriptor(value)) return value as Operator;
  const { kind: name, ...options } = value as { readonly kind?: unknown };
  const kind = typeof name === 'string' ? kindNamed(name) : undefined;
  if (kind) return descriptorOf(kind, options, `an operator of kind ${kind.kind}`) as Operator;
  const names = KINDS.map(({ kind }) => kind);
  const near = typeof name === 'string' ? nearest(name, names) : undefined;
  throw refused(`${names.join(', ')} for kind of the operator`, `${show(name)}${near ? `: did you mean ${near}?` : ''}`);
}

const refused = (expected: string, received: string): LatinoError =>
  new LatinoError('ERR_LATINO_OPERATOR', `Expected ${expected} but received ${received}`);

/**
 * Size of the measurement of an image.
 *
 * @throws LatinoError ERR_LATINO_SHAPE when the factor does not divide the size, or the mask has another one
 */
export const measurementSize = (operator: Operator, image: Size): Size => kindOf(operator).measurementSize(operator, image);

/**
 * Size of the image that a measurement is of.
 *
 * @throws LatinoError ERR_LATINO_SHAPE when the mask has another size
 */
export const imageSize = (operator: Operator, measurement: Size): Size => kindOf(operator).imageSize(operator, measurement);

/** The operator on a device, for images of this size. The caller disposes it. */
export function buildOperator(addon: Addon, device: Device, operator: Operator, image: Size): NativeOperator {
  const kind = kindOf(operator);
  kind.measurementSize(operator, image);
  return kind.build(addon, device, operator, image);
}

/** The operator as `parseOperator` spells it, where it has a spelling; for tables and messages. */
export const operatorName = (operator: Operator): string => kindOf(operator).format(operator);

/**
 * Pixels of a measurement that were never measured, [H, W], anything but 0 there; nothing where all were.
 *
 * @throws LatinoError ERR_LATINO_SHAPE when the mask has another size
 */
export function unseenPixels(operator: Operator, measurement: Size): Uint8Array | undefined {
  const kind = kindOf(operator);
  return kind.missingPixels?.(operator, kind.imageSize(operator, measurement));
}

/** The sums of the taps of a convolution that takes opposite borders of a picture for neighbours; of any other operator nothing. */
export const circularTaps = (operator: Operator): TapSums | undefined =>
  'boundary' in operator && operator.boundary === 'circular' ? kindOf(operator).tapSums?.(operator) : undefined;

export interface OperatorTraits {
  /** Of the measurement of a colour image. */
  readonly measurementChannels: 1 | 3;
  /** Some pixels of a measurement were never measured: whatever stands there, noise included, is to be ignored. */
  readonly hidesPixels: boolean;
  /** A measurement is the image and noise, nothing else. */
  readonly isNoiseAlone: boolean;
  /** Which row of the authors' tables of step sizes it belongs to. */
  readonly official: OfficialTask;
}

/** What whoever handles measurements has to know of an operator. */
export function operatorTraits(operator: Operator): OperatorTraits {
  const kind = kindOf(operator);
  return {
    measurementChannels: kind.measurementChannels,
    hidesPixels: kind.missingPixels !== undefined,
    isNoiseAlone: kind.isIdentity === true,
    official: kind.officialTask(operator),
  };
}
