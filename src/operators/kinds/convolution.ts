import { z } from 'zod';
import type { Taps } from '../../device/addon.js';
import { convolve, tapSums } from '../convolve.js';
import { normalised } from '../filters.js';
import { boundary, type Descriptor, descriptorOf, type OperatorKind, SAME_SIZE } from '../kind.js';
import { plane, refuse } from '../numbers.js';
import { BOUNDARY_OPTION, grey, optionsText, refused } from '../spelling.js';

const taps = plane(8192).transform(({ height, width, values }, context) => {
  if (values.length !== height * width) return refuse(context, `${height * width} numbers, ${width} × ${height},`, 'values');
  const copy = new Float64Array(values.length);
  for (let i = 0; i < copy.length; i++) {
    const value = values[i]!;
    if (!Number.isFinite(value)) return refuse(context, 'a finite number', 'values', i);
    copy[i] = value;
  }
  if (copy.every((tap) => tap === 0)) return refuse(context, 'a tap that is not 0', 'values');
  return Object.freeze({ height, width, values: copy });
});

const schema = z
  .strictObject({
    /** Row-major, each side from 1 to 8192, taken as they are (not normalised); a true convolution turns them by 180 degrees. */
    taps,
    /** Row and column of the taps' centre; by default (height >> 1, width >> 1). */
    centre: z.tuple([z.int(), z.int()], 'an array of row and column').readonly().optional(),
    /** How the picture goes on beyond its border; `circular` by default, `replicate` is what a photograph needs. */
    boundary,
  })
  .transform((options, context) => {
    const { height, width } = options.taps;
    const centre = options.centre ?? Object.freeze([height >> 1, width >> 1] as const);
    for (const [axis, side] of [height, width].entries()) {
      if (centre[axis]! < 0 || centre[axis]! >= side) return refuse(context, `an integer from 0 to ${side - 1}`, 'centre', axis);
    }
    return { ...options, centre };
  });

type Options = z.output<typeof schema>;
export type Convolution = Descriptor<'convolution', Options>;

/**
 * True convolution with any taps.
 *
 * @throws LatinoError ERR_LATINO_OPERATOR when an option is unknown or out of range, or no tap or not every tap is a finite number
 */
export const convolution = (options: z.input<typeof schema>): Convolution => descriptorOf(convolutionKind, options);

const tapsOf = ({ taps, centre: [centreY, centreX] }: Convolution): Taps => ({ ...taps, centreY, centreX });

export const convolutionKind: OperatorKind<'convolution', Options> = {
  kind: 'convolution',
  factory: 'convolution',
  schema,
  spellings: [
    {
      usage: 'deblur:kernel:<image>',
      example: 'deblur:kernel:k.png',
      help: 'any kernel, from a grey image; its sum is made 1',
      options: BOUNDARY_OPTION,
      path: true,
      async parse(path, options, loadFile) {
        const { height, width, values } = grey(await loadFile(path));
        if (values.every((tap) => tap === 0)) throw refused('a kernel image with a pixel that is not black', path);
        return { taps: { height, width, values: normalised(values) }, ...Object.fromEntries(options) };
      },
    },
  ],
  format: ({ taps, boundary }) => `deblur:kernel:${taps.width}x${taps.height}${optionsText({ boundary: [boundary, 'circular'] })}`,

  ...SAME_SIZE,
  tapSums: (operator) => tapSums(tapsOf(operator)),
  build: (addon, device, operator, image) => convolve(addon, device, tapsOf(operator), image, operator.boundary),

  measurementChannels: 3,
  officialTask: () => ({ task: 'motion' }),
};
