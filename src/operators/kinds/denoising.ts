import { z } from 'zod';
import { type Descriptor, descriptorOf, type OperatorKind, SAME_SIZE } from '../kind.js';

const schema = z.strictObject({});

export type Denoising = Descriptor<'denoising', object>;

/** Noise and nothing else: A is the identity. */
export const denoising = (): Denoising => descriptorOf(denoisingKind, {});

export const denoisingKind: OperatorKind<'denoising', object> = {
  kind: 'denoising',
  factory: 'denoising',
  schema,
  spellings: [{ usage: 'denoise', example: 'denoise', help: 'noise and nothing else', options: {}, parse: () => ({}) }],
  format: () => 'denoise',

  ...SAME_SIZE,
  build: (addon, device) => addon.identity(device),

  measurementChannels: 3,
  isIdentity: true,
  officialTask: () => ({ task: 'other' }),
};
