import { imageFunctions } from '../device/load.js';
import { LatinoError } from '../errors.js';
import type { Image } from './image.js';

/**
 * Peak signal-to-noise ratio in dB of two images rounded to 8 bits; Infinity for equal ones.
 *
 * @throws LatinoError ERR_LATINO_SHAPE unless sizes and channels agree
 */
export async function psnr(a: Image, b: Image): Promise<number> {
  requireOneSize(a, b);
  return imageFunctions().psnr(a.data, b.data);
}

/** Side of the window that SSIM looks through. */
const WINDOW = 11;

/**
 * Structural similarity (Wang et al. 2004) of two images rounded to 8 bits, the mean over the channels: Gaussian window of 11 × 11 with
 * sigma 1.5, only where it lies inside the image. What scikit-image gives with `gaussian_weights=True, use_sample_covariance=False,
 * data_range=255, channel_axis`.
 *
 * @throws LatinoError ERR_LATINO_SHAPE unless sizes and channels agree and the window fits
 */
export async function ssim(a: Image, b: Image): Promise<number> {
  requireOneSize(a, b);
  const { width, height } = a;
  if (width < WINDOW || height < WINDOW) {
    throw new LatinoError(
      'ERR_LATINO_SHAPE',
      `Expected images of at least ${WINDOW} × ${WINDOW} for SSIM but received ${width} × ${height}`,
    );
  }
  return imageFunctions().ssim(a.data, b.data, { width, height });
}

function requireOneSize(a: Image, b: Image): void {
  if (a.width === b.width && a.height === b.height && a.channels === b.channels) return;
  const text = ({ width, height, channels }: Image): string => `${width} × ${height} with ${channels} channel${channels === 1 ? '' : 's'}`;
  throw new LatinoError('ERR_LATINO_SHAPE', `Expected two images of one size but received ${text(a)} and ${text(b)}`);
}
