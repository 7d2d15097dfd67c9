import type { Tensor } from './device/addon.js';
import { type EncodeOptions, encodeImage, fromPlanar, type Image, type ImageFormat, writeImage } from './image/index.js';
import type { Embedding } from './prior/embedding.js';

/** A restored image, on the host. */
export class Restoration {
  constructor(
    readonly image: Image,
    /** What the prompt was calibrated to, where `calibrate` was asked for. */
    readonly embedding?: Embedding,
  ) {}
  get width(): number {
    return this.image.width;
  }
  get height(): number {
    return this.image.height;
  }
  /** Writes PNG, JPEG, WebP or TIFF by the file's extension; the file appears whole or not at all. */
  toFile(path: string, options?: EncodeOptions): Promise<void> {
    return writeImage(path, this.image, options);
  }
  toBuffer(format: ImageFormat = 'png', options?: EncodeOptions): Promise<Buffer> {
    return encodeImage(this.image, format, options);
  }
}

/**
 * The images of a tensor [N, C, H, W].
 *
 * @throws LatinoError ERR_LATINO_NUMERIC when a value is not finite, and what the work that computed them failed with
 */
export async function downloadImages(tensor: Tensor): Promise<Image[]> {
  const [count, channels, height, width] = tensor.shape as readonly [number, 1 | 3, number, number];
  const values = (await tensor.read({ finite: true })) as Float32Array;
  const size = channels * height * width;
  const one = (k: number): Float32Array => (count === 1 ? values : values.slice(k * size, (k + 1) * size));
  return Array.from({ length: count }, (_, k) => fromPlanar(one(k), { channels, height, width }));
}
