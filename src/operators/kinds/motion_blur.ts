import { z } from 'zod';
import type { Taps } from '../../device/addon.js';
import { convolve, tapSums } from '../convolve.js';
import { boundary, type Descriptor, descriptorOf, type OperatorKind, SAME_SIZE } from '../kind.js';
import { linearMotionTaps, randomMotionTaps } from '../motion.js';
import { BOUNDARY_OPTION, numberOrText, numbersOf, optionsText } from '../spelling.js';

const schema = z.union([
  z.strictObject({
    /** Pixels, from 1 to 1000. */
    length: z.number().min(1).max(1000),
    /** Degrees counter-clockwise from the horizontal, from -360 to 360. */
    angle: z.number().min(-360).max(360),
    /** How the picture goes on beyond its border; `circular` by default, `replicate` is what a photograph needs. */
    boundary,
  }),
  z.strictObject({
    /** Non-negative integer; the same seed gives the same path. */
    seed: z.int().min(0),
    /** Height and width of the path's frame in pixels, from 3 to 1023; 25 by default. */
    size: z.int().min(3).max(1023).default(25),
    /** From 0 (straight) to 1 (shaky); 0.5 by default. */
    intensity: z.number().min(0).max(1).default(0.5),
    boundary,
  }),
]);

type Options = z.output<typeof schema>;
export type MotionBlur = Descriptor<'motion-blur', Options>;

/**
 * Motion blur along a line, or along a random path that a seed determines.
 *
 * @throws LatinoError ERR_LATINO_OPERATOR when an option is unknown or out of range
 */
export const motionBlur = (options: z.input<typeof schema>): MotionBlur => descriptorOf(motionBlurKind, options);

const tapsOf = (operator: MotionBlur): Taps => ('length' in operator ? linearMotionTaps(operator) : randomMotionTaps(operator));

const LINE = 'deblur:motion:<length>:<angle>';

export const motionBlurKind: OperatorKind<'motion-blur', Options> = {
  kind: 'motion-blur',
  factory: 'motionBlur',
  schema,
  spellings: [
    {
      usage: LINE,
      example: 'deblur:motion:25:30',
      help: 'motion blur, length in pixels and angle in degrees',
      options: BOUNDARY_OPTION,
      parse(argument, options) {
        const [length, angle] = numbersOf(LINE, argument);
        return { length, angle, ...Object.fromEntries(options) };
      },
    },
    {
      usage: 'deblur:motion:random:<seed>',
      example: 'deblur:motion:random:7',
      help: 'motion blur along a random path',
      options: { size: '3..1023 (25)', intensity: '0..1 (0.5)', ...BOUNDARY_OPTION },
      parse: (argument, options) => ({
        seed: numberOrText(argument),
        ...Object.fromEntries(options),
        size: numberOrText(options.get('size')),
        intensity: numberOrText(options.get('intensity')),
      }),
    },
  ],
  format(operator) {
    const boundary = optionsText({ boundary: [operator.boundary, 'circular'] });
    if ('length' in operator) return `deblur:motion:${operator.length}:${operator.angle}${boundary}`;
    return `deblur:motion:random:${operator.seed},size=${operator.size},intensity=${operator.intensity}${boundary}`;
  },

  ...SAME_SIZE,
  tapSums: (operator) => tapSums(tapsOf(operator)),
  build: (addon, device, operator, image) => convolve(addon, device, tapsOf(operator), image, operator.boundary),

  measurementChannels: 3,
  officialTask: () => ({ task: 'motion' }),
};
