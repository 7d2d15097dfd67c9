import type { Addon, Boundary, Device, NativeOperator, Taps } from '../device/addon.js';
import { LatinoError } from '../errors.js';
import type { Inpainting, Operator, SuperResolution } from './descriptors.js';
import { convolutionMatrix, gaussianTaps, referenceTaps, resizeMatrix } from './filters.js';
import { linearMotionKernel, randomMotionKernel } from './motion.js';

/** Pixels. */
export interface Size {
  readonly height: number;
  readonly width: number;
}

const text = ({ width, height }: Size): string => `${width} × ${height}`;

/**
 * Size of the measurement of an image.
 *
 * @throws LatinoError ERR_LATINO_SHAPE when the factor does not divide the size, or the mask has another one
 */
export function measurementSize(operator: Operator, image: Size): Size {
  const { height, width } = image;
  if (operator.kind === 'super-resolution') {
    const { factor } = operator;
    if (height % factor !== 0 || width % factor !== 0) {
      throw new LatinoError(
        'ERR_LATINO_SHAPE',
        `Expected an image whose width and height are multiples of the factor ${factor} but received width ${width} and height ${height}`,
      );
    }
    return { height: height / factor, width: width / factor };
  }
  if (operator.kind === 'inpainting') requireFit(operator, image);
  return { height, width };
}

/**
 * Size of the image that a measurement is of.
 *
 * @throws LatinoError ERR_LATINO_SHAPE when the mask has another size
 */
export function imageSize(operator: Operator, measurement: Size): Size {
  const { height, width } = measurement;
  if (operator.kind === 'super-resolution') return { height: height * operator.factor, width: width * operator.factor };
  if (operator.kind === 'inpainting') requireFit(operator, measurement);
  return { height, width };
}

/** The operator on a device, for images of this size. */
export function buildOperator(addon: Addon, device: Device, operator: Operator, image: Size): NativeOperator {
  const { height, width } = image;
  measurementSize(operator, image);
  switch (operator.kind) {
    case 'super-resolution':
      return addon.separable(device, downsamplingMatrix(operator, height), downsamplingMatrix(operator, width));
    case 'gaussian-blur': {
      const taps = gaussianTaps(operator.sigma);
      const radius = taps.length >> 1;
      if (operator.boundary === 'circular') return addon.circularConvolution(device, outer(taps), height, width, 1);
      const matrix = (n: number) => convolutionMatrix(n, taps, radius, operator.boundary);
      return addon.separable(device, matrix(height), matrix(width));
    }
    case 'motion-blur': {
      const { motion, boundary } = operator;
      const kernel = 'length' in motion ? linearMotionKernel(motion) : randomMotionKernel(motion);
      return convolutionWith(addon, device, kernel, image, boundary);
    }
    case 'convolution': {
      const [centreY, centreX] = operator.centre;
      return convolutionWith(
        addon,
        device,
        { height: operator.kernel.height, width: operator.kernel.width, values: operator.kernel.taps, centreY, centreX },
        image,
        operator.boundary,
      );
    }
    case 'inpainting':
      return addon.mask(device, height, width, seenPixels(operator, image));
    case 'denoising':
      return addon.identity(device);
    case 'colorization':
      return addon.channelMix(device, Float64Array.from(operator.weights));
  }
}

/** One axis of super-resolution, [n / factor, n]. */
export function downsamplingMatrix({ factor, filter, phase, boundary }: SuperResolution, n: number) {
  if (phase === 'centre') return resizeMatrix(n, factor, filter);
  const taps = referenceTaps(factor, filter);
  return convolutionMatrix(n, taps, (taps.length - 1) >> 1, boundary, factor);
}

function convolutionWith(addon: Addon, device: Device, kernel: Taps, { height, width }: Size, boundary: Boundary): NativeOperator {
  if (boundary === 'circular') return addon.circularConvolution(device, kernel, height, width, 1);
  return addon.convolution(device, kernel, height, width, 1, boundary);
}

function outer(taps: Float64Array): Taps {
  const size = taps.length;
  const values = Float64Array.from({ length: size * size }, (_, i) => taps[Math.floor(i / size)]! * taps[i % size]!);
  return { height: size, width: size, centreY: size >> 1, centreX: size >> 1, values };
}

function requireFit({ missing }: Inpainting, image: Size): void {
  if ('box' in missing) {
    const [top, left, height, width] = missing.box;
    if (top + height > image.height || left + width > image.width) {
      throw new LatinoError(
        'ERR_LATINO_SHAPE',
        `Expected a box inside the image of ${text(image)} but received rows ${top} to ${top + height - 1} and columns ${left} to ${left + width - 1}`,
      );
    }
    if (height === image.height && width === image.width) {
      throw new LatinoError('ERR_LATINO_SHAPE', `Expected a box smaller than the image of ${text(image)} but received one that covers it`);
    }
  } else if (missing.height !== image.height || missing.width !== image.width) {
    throw new LatinoError('ERR_LATINO_SHAPE', `Expected a mask of the image's size ${text(image)} but received one of ${text(missing)}`);
  }
}

/** 1 where a pixel is seen, 0 where it is missing, [H, W]. */
function seenPixels({ missing }: Inpainting, { height, width }: Size): Float32Array {
  if (!('box' in missing)) return Float32Array.from(missing.values, (value) => 1 - value);
  const [top, left, rows, columns] = missing.box;
  const seen = new Float32Array(height * width).fill(1);
  for (let row = top; row < top + rows; row++) seen.fill(0, row * width + left, row * width + left + columns);
  return seen;
}
