import { extname } from 'node:path';
import { LatinoError } from '../errors.js';
import { assertFileWritable, writeWhole } from '../output_file.js';
import { asSharp, assertBitDepth } from './as_sharp.js';
import type { Image } from './image.js';

export type ImageFormat = 'png' | 'jpeg' | 'webp' | 'tiff';
export interface EncodeOptions {
  /** Bits a channel: 8 (default), or 16 for PNG and TIFF. */
  readonly bitDepth?: 8 | 16;
}

const FORMATS: Readonly<Record<string, ImageFormat>> = {
  '.png': 'png',
  '.jpg': 'jpeg',
  '.jpeg': 'jpeg',
  '.webp': 'webp',
  '.tif': 'tiff',
  '.tiff': 'tiff',
};

/**
 * Bytes of an image file. JPEG and WebP lose a little (quality 95); PNG and TIFF are exact to the bit depth. Metadata that the image has goes with
 * it; TIFF takes the profile only.
 */
export async function encodeImage(image: Image, format: ImageFormat, { bitDepth = 8 }: EncodeOptions = {}): Promise<Buffer> {
  requireBitDepth(format, bitDepth);
  const pipeline = await asSharp(image, bitDepth);
  // What is not kept by name is dropped, and a profile that is dropped converted from.
  const picture = image.metadata ? pipeline.keepIccProfile().keepExif() : pipeline;
  switch (format) {
    case 'png':
      return picture.png().toBuffer();
    case 'jpeg':
      return picture.jpeg({ quality: 95, chromaSubsampling: '4:4:4' }).toBuffer();
    case 'webp':
      return picture.webp({ quality: 95, smartSubsample: true }).toBuffer();
    case 'tiff':
      return picture.tiff({ compression: 'deflate' }).toBuffer();
    default:
      throw new LatinoError('ERR_LATINO_OUTPUT', `Expected png, jpeg, webp or tiff for the format but received ${format}`);
  }
}

/**
 * Writes PNG, JPEG, WebP or TIFF by the file's extension. The file appears whole or not at all.
 *
 * @throws LatinoError ERR_LATINO_OUTPUT when the extension is unknown or the file cannot be written
 */
export async function writeImage(path: string, image: Image, options: EncodeOptions = {}): Promise<void> {
  await writeWhole(path, await encodeImage(image, formatOf(path), options));
}

/**
 * Throws now what writing to this path would throw after the work is done.
 *
 * @throws LatinoError ERR_LATINO_OUTPUT
 */
export async function assertWritable(path: string, { bitDepth = 8 }: EncodeOptions = {}): Promise<void> {
  requireBitDepth(formatOf(path), bitDepth);
  await assertFileWritable(path);
}

function formatOf(path: string): ImageFormat {
  const extension = extname(path).toLowerCase();
  const format = Object.hasOwn(FORMATS, extension) ? FORMATS[extension] : undefined;
  if (!format)
    throw new LatinoError(
      'ERR_LATINO_OUTPUT',
      `Expected ${Object.keys(FORMATS).join(', ')} as the output's extension but received ${path}`,
    );
  return format;
}

function requireBitDepth(format: ImageFormat, bitDepth: number): void {
  assertBitDepth(bitDepth);
  if (bitDepth === 16 && (format === 'jpeg' || format === 'webp')) {
    throw new LatinoError('ERR_LATINO_OUTPUT', `Expected PNG or TIFF for 16 bits a channel but received ${format}`);
  }
}
