import { z } from 'zod';
import { type Descriptor, descriptorOf, type OperatorKind, SAME_SIZE } from '../kind.js';

/** Luma weights of Rec. 601. */
const LUMA = Object.freeze([0.299, 0.587, 0.114] as const);

const schema = z.strictObject({
  /** Three finite numbers, not all 0, of red, green and blue; by default those of Rec. 601. */
  weights: z
    .tuple([z.number(), z.number(), z.number()], 'an array of three weights')
    .refine((weights) => weights.some((weight) => weight !== 0), 'a weight that is not 0')
    .readonly()
    .default(LUMA),
});

type Options = z.output<typeof schema>;
export type Colorization = Descriptor<'colorization', Options>;

/**
 * A grey image y = sum of weights[c] x[c].
 *
 * @throws LatinoError ERR_LATINO_OPERATOR unless there are three finite weights, not all 0
 */
export const colorization = (options: z.input<typeof schema> = {}): Colorization => descriptorOf(colorizationKind, options);

export const colorizationKind: OperatorKind<'colorization', Options> = {
  kind: 'colorization',
  factory: 'colorization',
  schema,
  spellings: [{ usage: 'colorize', example: 'colorize', help: 'colours for a grey image', options: {}, parse: () => ({}) }],
  format: () => 'colorize',

  ...SAME_SIZE,
  build: (addon, device, { weights }) => addon.channelMix(device, Float64Array.from(weights)),

  measurementChannels: 1,
  officialTask: () => ({ task: 'other' }),
};
