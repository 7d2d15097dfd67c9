import { imageFunctions } from '../device/load.js';
import { LatinoError } from '../errors.js';
import { type DecodeOptions, decode, MOST_PIXELS } from './decode.js';
import { fromPlanar, type Image } from './image.js';
import { type ImageInput, openInput, type RawPixels } from './input.js';

/** Of a file, a pixel: four channels of 16 bits, the most that is read. What has more bytes has no image of `maxPixels` in it. */
const MOST_BYTES_A_PIXEL = 8;
/** Of a file, beside its pixels. */
const OTHER_BYTES = 16 * 2 ** 20;

export interface ReadOptions extends DecodeOptions {
  /** 3 (default): grey becomes colour; 1: colour becomes Rec. 601 luma. */
  readonly channels?: 1 | 3;
  /** Ends the reading of a stream. */
  readonly signal?: AbortSignal;
}

/**
 * Reads an image. EXIF orientation is applied, transparency is laid on white, 16 bits are kept, colours become sRGB unless `metadata` is kept.
 *
 * @throws LatinoError ERR_LATINO_IMAGE when the file is missing, corrupt, no image, or one of a format or a size that is not allowed
 */
export async function readImage(input: ImageInput, options: ReadOptions = {}): Promise<Image> {
  const { channels = 3, maxPixels = MOST_PIXELS, signal } = options;
  const opened = await openInput(input, { mostBytes: MOST_BYTES_A_PIXEL * maxPixels + OTHER_BYTES, signal });
  if ('source' in opened) {
    const { pixels, metadata } = await decode(opened, options);
    const image = await toImage(pixels, channels);
    return metadata ? { ...image, metadata } : image;
  }
  if (opened.data instanceof Float32Array && !('layout' in opened)) {
    const { metadata } = opened as Image;
    const image = { ...fromPlanar(opened.data, opened as Image), ...(metadata && { metadata }) };
    if (!(await imageFunctions().allFinite(image.data)))
      throw new LatinoError('ERR_LATINO_IMAGE', 'Expected finite values in an image but received NaN or infinity');
    return withChannels(image, channels);
  }
  return toImage(checked(opened as RawPixels), channels);
}

function checked(pixels: RawPixels): RawPixels {
  const { width, height, channels, data } = pixels;
  const known =
    data instanceof Uint8Array || data instanceof Uint8ClampedArray || data instanceof Uint16Array || data instanceof Float32Array;
  if (!known)
    throw new LatinoError('ERR_LATINO_IMAGE', 'Expected pixels as Uint8Array, Uint16Array or Float32Array but received another type');
  if (![width, height].every((value) => Number.isInteger(value) && value > 0) || ![1, 2, 3, 4].includes(channels)) {
    throw new LatinoError(
      'ERR_LATINO_IMAGE',
      `Expected a width, a height and 1 to 4 channels of pixels but received ${width}, ${height} and ${channels}`,
    );
  }
  if (data.length !== width * height * channels) {
    throw new LatinoError(
      'ERR_LATINO_IMAGE',
      `Expected ${width * height * channels} values for ${width} × ${height} pixels of ${channels} channels but received ${data.length}`,
    );
  }
  return pixels;
}

async function toImage({ width, height, channels: pixelChannels, data }: RawPixels, channels: 1 | 3): Promise<Image> {
  const pixels = data instanceof Uint8ClampedArray ? new Uint8Array(data.buffer, data.byteOffset, data.length) : data;
  return { width, height, channels, data: await imageFunctions().pictureFromPixels(pixels, pixelChannels, channels) };
}

async function withChannels(image: Image, channels: 1 | 3): Promise<Image> {
  if (image.channels === channels) return image;
  return { ...image, channels, data: await imageFunctions().changeChannels(image.data, image.channels, channels) };
}
