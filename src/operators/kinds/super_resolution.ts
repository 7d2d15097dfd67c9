import { z } from 'zod';
import { LatinoError } from '../../errors.js';
import { downsamplingMatrix, FILTERS } from '../filters.js';
import { type Descriptor, descriptorOf, type OperatorKind } from '../kind.js';
import { numberOrText, optionsText } from '../spelling.js';

const schema = z
  .strictObject({
    /** The image is this many times as high and as wide as the measurement; an integer from 2 to 32. */
    factor: z.int().min(2).max(32),
    /** `bicubic` by default. */
    filter: z.enum(FILTERS).default('bicubic'),
    /**
     * `centre` (default): the antialiased resize of Pillow and web tools. `reference`: the paper code's, whose pixels sit half a pixel of the
     * measurement up and left.
     */
    phase: z.enum(['centre', 'reference']).default('centre'),
    /** How the picture goes on beyond its border, `reflect` by default; only with phase `reference`, the other renormalises its taps there. */
    boundary: z.enum(['reflect', 'circular']).optional(),
  })
  .refine(({ phase, boundary }) => phase === 'reference' || boundary === undefined, {
    message: 'reference where there is a boundary (centre renormalises its taps at the border)',
    path: ['phase'],
  });

type Options = z.output<typeof schema>;
export type SuperResolution = Descriptor<'super-resolution', Options>;

/**
 * Super-resolution by an integer factor: y is x through an antialiasing filter, every factor-th pixel of it.
 *
 * @throws LatinoError ERR_LATINO_OPERATOR when an option is unknown or out of range
 */
export const superResolution = (options: z.input<typeof schema>): SuperResolution => descriptorOf(superResolutionKind, options);

export const superResolutionKind: OperatorKind<'super-resolution', Options> = {
  kind: 'super-resolution',
  factory: 'superResolution',
  schema,
  spellings: [
    {
      usage: 'sr:<factor>',
      example: 'sr:8',
      help: 'super-resolution by 2 to 32',
      options: { filter: FILTERS.join('|'), phase: 'centre|reference', boundary: 'reflect|circular (with phase=reference)' },
      parse: (argument, options) => ({ factor: numberOrText(argument), ...Object.fromEntries(options) }),
    },
  ],
  format: ({ factor, filter, phase, boundary }) =>
    `sr:${factor}${optionsText({ filter: [filter, 'bicubic'], phase: [phase, 'centre'], boundary: [boundary, 'reflect'] })}`,

  measurementSize({ factor }, { height, width }) {
    if (height % factor !== 0 || width % factor !== 0) {
      throw new LatinoError(
        'ERR_LATINO_SHAPE',
        `Expected an image whose width and height are multiples of the factor ${factor} but received width ${width} and height ${height}`,
      );
    }
    return { height: height / factor, width: width / factor };
  },
  imageSize: ({ factor }, { height, width }) => ({ height: height * factor, width: width * factor }),
  build(addon, device, operator, { height, width }) {
    const vertical = downsamplingMatrix(operator, height);
    return addon.separable(device, vertical, height === width ? vertical : downsamplingMatrix(operator, width));
  },

  measurementChannels: 3,
  officialTask: ({ factor }) => ({ task: 'super-resolution', factor }),
};
