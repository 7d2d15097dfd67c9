import { imageFunctions } from '../device/load.js';
import { LatinoError } from '../errors.js';
import type { ImageMetadata } from './metadata.js';

/** A picture on the host. */
export interface Image {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  /** Planar [channels, height, width], range [-1, 1]. What is given to a function that returns a promise is left alone until it settles. */
  readonly data: Float32Array;
  /** What came with the file, where it was kept; its profile says what the numbers mean. */
  readonly metadata?: ImageMetadata;
}

/** An image from the values of a tensor [1, C, H, W]. */
export function fromPlanar(data: Float32Array, { channels, height, width }: { channels: 1 | 3; height: number; width: number }): Image {
  if (channels !== 1 && channels !== 3)
    throw new LatinoError('ERR_LATINO_SHAPE', `Expected an image of 1 or 3 channels but received ${channels}`);
  if (!(Number.isInteger(width) && width > 0 && Number.isInteger(height) && height > 0)) {
    throw new LatinoError('ERR_LATINO_SHAPE', `Expected a positive width and height but received ${width} and ${height}`);
  }
  if (data.length !== channels * height * width) {
    throw new LatinoError(
      'ERR_LATINO_SHAPE',
      `Expected ${channels * height * width} values of an image of ${width} × ${height} with ${channels} channels but received ${data.length}`,
    );
  }
  return { width, height, channels, data };
}

/** Enlarges an image by bicubic interpolation (Keys, a = -1/2), centred on pixels, the border replicated. */
export async function upscale(image: Image, { width, height }: { width: number; height: number }): Promise<Image> {
  if (image.width === width && image.height === height) return image;
  return { width, height, channels: image.channels, data: await imageFunctions().upscale(image.data, image, { width, height }) };
}
