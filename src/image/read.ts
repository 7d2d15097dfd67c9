import { stat } from 'node:fs/promises';
import sharp from 'sharp';
import { imageFunctions } from '../device/load.js';
import { LatinoError } from '../errors.js';
import { fromPlanar, type Image } from './image.js';

interface RawSize {
  readonly width: number;
  readonly height: number;
  /** 1 grey, 2 grey and alpha, 3 colour, 4 colour and alpha. */
  readonly channels: 1 | 2 | 3 | 4;
}

/** Interleaved pixels: 8-bit, 16-bit, or (with `layout`, which tells them from an `Image`) floats in [0, 1]. */
export type RawPixels = RawSize &
  ({ readonly data: Uint8Array | Uint8ClampedArray | Uint16Array } | { readonly data: Float32Array; readonly layout: 'interleaved' });

/**
 * A path, the bytes of an image file, raw pixels, or an image. They are read while JavaScript goes on: until whoever was given them is done, bytes
 * and pixels must be neither changed nor transferred to another thread.
 */
export type ImageInput = string | Uint8Array | RawPixels | Image;

/**
 * Reads an image of any format that sharp reads. EXIF orientation is applied, transparency is laid on white, 16 bits are kept.
 *
 * @param options.channels 3 (default): grey becomes colour; 1: colour becomes Rec. 601 luma
 * @throws LatinoError ERR_LATINO_IMAGE when the file is missing, corrupt or no image
 */
export async function readImage(input: ImageInput, { channels = 3 }: { channels?: 1 | 3 } = {}): Promise<Image> {
  if (typeof input === 'string' || ArrayBuffer.isView(input)) return toImage(await decode(input), channels);
  if (typeof input !== 'object' || input === null || !ArrayBuffer.isView(input.data)) {
    throw new LatinoError(
      'ERR_LATINO_IMAGE',
      `Expected a path, a Buffer or pixels for an image but received ${input === null ? 'null' : typeof input}`,
    );
  }
  if (input.data instanceof Float32Array && !('layout' in input)) {
    const image = fromPlanar(input.data, input as Image);
    if (!(await imageFunctions().allFinite(image.data)))
      throw new LatinoError('ERR_LATINO_IMAGE', 'Expected finite values in an image but received NaN or infinity');
    return withChannels(image, channels);
  }
  return toImage(checked(input as RawPixels), channels);
}

async function decode(input: string | Uint8Array): Promise<RawPixels> {
  const name = typeof input === 'string' ? input : 'the given bytes';
  if (typeof input === 'string') {
    const found = await stat(input).catch((cause: NodeJS.ErrnoException) => {
      const reason = cause.code === 'ENOENT' ? 'there is no such file' : cause.message;
      throw new LatinoError('ERR_LATINO_IMAGE', `Expected an image file but cannot read ${input}: ${reason}`, { cause });
    });
    if (!found.isFile()) throw new LatinoError('ERR_LATINO_IMAGE', `Expected an image file but ${input} is not a file`);
  }
  try {
    const source = sharp(input).autoOrient();
    const { depth } = await source.metadata();
    const wide = depth !== undefined && depth !== 'uchar' && depth !== 'char';
    const decoded = source.toColourspace(wide ? 'rgb16' : 'srgb').raw({ depth: wide ? 'ushort' : 'uchar' });
    const { data, info } = await decoded.toBuffer({ resolveWithObject: true });
    const size = { width: info.width, height: info.height, channels: info.channels as RawSize['channels'] };
    return { ...size, data: wide ? new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2) : data };
  } catch (cause) {
    const reason = (cause as Error).message.trim().split('\n')[0];
    throw new LatinoError('ERR_LATINO_IMAGE', `Expected an image but cannot decode ${name}: ${reason}`, { cause });
  }
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
