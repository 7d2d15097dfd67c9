import type { Sharp } from 'sharp';
import {
  asRaw,
  asSharp,
  type EncodeOptions,
  encodeImage,
  type Image,
  type ImageFormat,
  type RawOutput,
  writeImage,
} from './image/index.js';

/** An image on the host, as a file, as bytes, as pixels, or for sharp. */
export class Picture {
  constructor(readonly image: Image) {}

  get width(): number {
    return this.image.width;
  }

  get height(): number {
    return this.image.height;
  }

  /**
   * Writes PNG, JPEG, WebP or TIFF by the file's extension; the file appears whole or not at all.
   *
   * @throws LatinoError ERR_LATINO_OUTPUT
   */
  toFile(path: string, options?: EncodeOptions): Promise<void> {
    return writeImage(path, this.image, options);
  }

  /**
   * The bytes of an image file.
   *
   * @throws LatinoError ERR_LATINO_OUTPUT when the format is another
   */
  toBuffer(format: ImageFormat = 'png', options?: EncodeOptions): Promise<Buffer> {
    return encodeImage(this.image, format, options);
  }

  /**
   * A sharp pipeline that begins with this picture: `await (await restored.toSharp()).resize(400).avif().toFile('small.avif')`. What
   * `metadata: 'keep'` has kept goes on where sharp is told to keep it (`keepIccProfile`, `keepExif`); without the profile it makes sRGB of colours.
   */
  toSharp({ bitDepth = 8 }: EncodeOptions = {}): Promise<Sharp> {
    return asSharp(this.image, bitDepth);
  }

  /**
   * Interleaved pixels in sRGB, as sharp's `raw().toBuffer({ resolveWithObject: true })` gives them: `data`, and of it `info.width`, `info.height`,
   * `info.channels`; of 16 bits, two bytes a value in the machine's order.
   */
  toRaw({ bitDepth = 8 }: EncodeOptions = {}): Promise<RawOutput> {
    return asRaw(this.image, bitDepth);
  }
}
