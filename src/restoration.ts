import type { Addon, Tensor } from './device/addon.js';
import type { UsedSigma } from './estimate_sigma.js';
import { type EncodeOptions, encodeImage, fromPlanar, type Image, type ImageFormat, writeImage } from './image/index.js';
import type { Embedding } from './prior/embedding.js';

/** A restored image, on the host. */
export class Restoration {
  /** What the prompt was calibrated to, where `calibrate` was asked for. */
  readonly embedding?: Embedding;
  /** The noise level of the measurement, that was given or was found; nothing where none was restored. */
  readonly sigma?: number;
  /** Whether that is an estimate. */
  readonly sigmaEstimated: boolean;

  constructor(
    readonly image: Image,
    { embedding, sigma }: { readonly embedding?: Embedding; readonly sigma?: UsedSigma } = {},
  ) {
    this.embedding = embedding;
    this.sigma = sigma?.sigma;
    this.sigmaEstimated = sigma?.estimated ?? false;
  }
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
 * The images of a tensor [N, C, H, W], a download each: no copy on the host is large.
 *
 * @throws LatinoError ERR_LATINO_NUMERIC when a value is not finite, and what the work that computed them failed with
 */
export function downloadImages({ slice }: Pick<Addon, 'slice'>, tensor: Tensor): Promise<Image[]> {
  const [count, channels, height, width] = tensor.shape as readonly [number, 1 | 3, number, number];
  const read = async (one: Tensor): Promise<Image> =>
    fromPlanar((await one.read({ finite: true })) as Float32Array, { channels, height, width });
  if (count === 1) return Promise.all([read(tensor)]);
  return Promise.all(
    Array.from({ length: count }, async (_, k) => {
      using one = slice(tensor, k, k + 1);
      return await read(one);
    }),
  );
}
