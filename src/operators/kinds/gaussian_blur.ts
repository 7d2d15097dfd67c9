import { z } from 'zod';
import { convolve } from '../convolve.js';
import { convolutionMatrix, gaussianTaps, outerProduct } from '../filters.js';
import { boundary, type Descriptor, descriptorOf, type OperatorKind, SAME_SIZE } from '../kind.js';
import { BOUNDARY_OPTION, numberOrText, optionsText } from '../spelling.js';

const schema = z.strictObject({
  /** Standard deviation in pixels, from 0.01 to 1000; the taps reach ceil(3 sigma) to each side. */
  sigma: z.number().min(0.01).max(1000),
  /** How the picture goes on beyond its border; `circular` by default, `replicate` is what a photograph needs. */
  boundary,
});

type Options = z.output<typeof schema>;
export type GaussianBlur = Descriptor<'gaussian-blur', Options>;

/**
 * Gaussian blur of standard deviation `sigma` pixels.
 *
 * @throws LatinoError ERR_LATINO_OPERATOR when an option is unknown or out of range
 */
export const gaussianBlur = (options: z.input<typeof schema>): GaussianBlur => descriptorOf(gaussianBlurKind, options);

export const gaussianBlurKind: OperatorKind<'gaussian-blur', Options> = {
  kind: 'gaussian-blur',
  factory: 'gaussianBlur',
  schema,
  spellings: [
    {
      usage: 'deblur:gaussian:<sigma>',
      example: 'deblur:gaussian:3',
      help: 'Gaussian blur, sigma in pixels',
      options: BOUNDARY_OPTION,
      parse: (argument, options) => ({ sigma: numberOrText(argument), ...Object.fromEntries(options) }),
    },
  ],
  format: ({ sigma, boundary }) => `deblur:gaussian:${sigma}${optionsText({ boundary: [boundary, 'circular'] })}`,

  ...SAME_SIZE,
  tapSums({ sigma }) {
    const taps = gaussianTaps(sigma);
    return { rows: taps, columns: taps };
  },
  build(addon, device, { sigma, boundary }, image) {
    const taps = gaussianTaps(sigma);
    if (boundary === 'circular') return convolve(addon, device, outerProduct(taps), image, boundary);
    const matrix = (n: number) => convolutionMatrix(n, taps, taps.length >> 1, boundary);
    const vertical = matrix(image.height);
    return addon.separable(device, vertical, image.height === image.width ? vertical : matrix(image.width));
  },

  measurementChannels: 3,
  officialTask: ({ sigma }) => ({ task: 'gaussian', kernelSigma: sigma }),
};
