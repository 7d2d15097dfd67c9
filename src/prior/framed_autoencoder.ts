import type { Addon, PictureSize, Tensor } from '../device/addon.js';
import type { ImageNetwork } from './image_network.js';

export interface FramedAutoencoderParts {
  readonly encoder: ImageNetwork;
  readonly decoder: ImageNetwork;
  readonly latentChannels: number;
  /** Image pixels per latent, along a side. */
  readonly downscaling: number;
  /** Deviation, in the image, of latents' white noise of deviation 1. */
  readonly noiseGain: number;
  /** Image sides that the model's networks can halve as often as they do are multiples of this. */
  readonly multiple: number;
}

/** The least size that is large enough and that networks which halve it can take, as they do sides that are multiples of `multiple`. */
export const frameOf = ({ height, width }: PictureSize, multiple: number): PictureSize => ({
  height: Math.ceil(height / multiple) * multiple,
  width: Math.ceil(width / multiple) * multiple,
});

/** An autoencoder for images of any size: one that does not fit is mirrored up to its frame. */
export class FramedAutoencoder {
  constructor(
    private readonly addon: Addon,
    private readonly parts: FramedAutoencoderParts,
  ) {}

  get downscaling(): number {
    return this.parts.downscaling;
  }

  get noiseGain(): number {
    return this.parts.noiseGain;
  }

  /** Image [N, 3, H, W], clipped to [-1, 1], to scaled latents [N, C, h, w]. */
  encode(image: Tensor): Tensor {
    const [n, , height, width] = image.shape as readonly [number, number, number, number];
    const frame = frameOf({ height, width }, this.parts.multiple);
    const { latentChannels, downscaling, encoder } = this.parts;
    const shape = [n, latentChannels, frame.height / downscaling, frame.width / downscaling];
    if (frame.height === height && frame.width === width) return encoder.run(image, shape);
    using framed = this.addon.fitFrame(image, frame.height, frame.width);
    return encoder.run(framed, shape);
  }

  /** Scaled latents to an image [N, 3, height, width], clipped to [-1, 1]. */
  decode(latents: Tensor, height: number, width: number): Tensor {
    const frame = frameOf({ height, width }, this.parts.multiple);
    const image = this.parts.decoder.run(latents, [latents.shape[0]!, 3, frame.height, frame.width]);
    if (frame.height === height && frame.width === width) return image;
    using framed = image;
    return this.addon.fitFrame(framed, height, width);
  }

  dispose(): void {
    this.parts.encoder.dispose();
    this.parts.decoder.dispose();
  }
}
