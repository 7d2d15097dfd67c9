import type { OutputInfo, Sharp } from 'sharp';
import { imageFunctions } from '../device/load.js';
import { LatinoError } from '../errors.js';
import { fromPlanar, type Image } from './image.js';
import { loadSharp } from './load_sharp.js';
import { withPngMetadata } from './png_metadata.js';

/** What sharp's `raw().toBuffer({ resolveWithObject: true })` gives. */
export interface RawOutput {
  readonly data: Buffer;
  readonly info: OutputInfo;
}

/** A sharp pipeline that an image is the input of, with its metadata. @throws LatinoError ERR_LATINO_ARGUMENT, ERR_LATINO_ADDON */
export async function asSharp(image: Image, bitDepth: 8 | 16): Promise<Sharp> {
  assertBitDepth(bitDepth);
  const sharp = await loadSharp();
  const { width, height, channels, data } = fromPlanar(image.data, image);
  const pixels = await imageFunctions().pixelsFromPicture(data, channels, bitDepth);
  const [grey, colour] = bitDepth === 16 ? (['grey16', 'rgb16'] as const) : (['b-w', 'srgb'] as const);
  const space = channels === 1 ? grey : colour;
  const plain = sharp(pixels, { raw: { width, height, channels } }).toColourspace(space);
  if (!image.metadata) return plain;
  const { icc, exif } = image.metadata;
  const png = await plain.png({ compressionLevel: 0 }).toBuffer();
  return sharp(withPngMetadata(png, { icc: channels === 1 ? undefined : icc, exif })).toColourspace(space);
}

/** The pixels of an image as sharp gives them, in sRGB. @throws as `asSharp` does */
export async function asRaw(image: Image, bitDepth: 8 | 16): Promise<RawOutput> {
  const pipeline = await asSharp(image, bitDepth);
  const inSrgb = bitDepth === 16 && image.metadata?.icc ? pipeline.withIccProfile('srgb') : pipeline;
  return inSrgb.raw({ depth: bitDepth === 16 ? 'ushort' : 'uchar' }).toBuffer({ resolveWithObject: true });
}

export function assertBitDepth(bitDepth: number): void {
  if (bitDepth !== 8 && bitDepth !== 16)
    throw new LatinoError('ERR_LATINO_ARGUMENT', `Expected 8 or 16 for the bit depth but received ${bitDepth}`);
}
