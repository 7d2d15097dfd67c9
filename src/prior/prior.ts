import type { Device, PictureSize, Tensor } from '../device/addon.js';
import type { Conditioning } from './conditioning.js';

/** A part of a picture, in pixels. */
export interface Window extends PictureSize {
  readonly top: number;
  readonly left: number;
}

/** The generative prior as a solver sees it. Every method but `loadPromptGradient` enqueues on the device and returns at once. */
export interface Prior {
  readonly device: Device;
  /** Side in pixels of the square images that the networks were trained on. */
  readonly nativeSize: number;
  /** Image pixels per latent, along a side. */
  readonly downscaling: number;
  /** Deviation, in the image, of latents' white noise of deviation 1. */
  readonly noiseGain: number;
  /** What the last step of a restoration goes through, and its result: itself, unless its autoencoder is one for the steps before that. */
  readonly forLastStep: Prior;
  /** alphas_cumprod of the noise schedule at timestep t in [0, 999]. */
  alphaCumprod(t: number): number;
  /** Image [N, 3, H, W], clipped to [-1, 1], to scaled latents [N, C, h, w]. */
  encode(image: Tensor): Tensor;
  /** Scaled latents to an image [N, 3, height, width], clipped to [-1, 1]. */
  decode(latents: Tensor, height: number, width: number): Tensor;
  /** eps(z, t, c) [N, C, h, w]: the noise that the UNet sees in z. */
  predictNoise(z: Tensor, t: number, c: Conditioning): Tensor;
  /**
   * What the UNet is told of a window's place in a picture, all in pixels: further inputs [1, ...] by name, which stay the prior's. Nothing where
   * it is told none.
   */
  placeInputs(picture: PictureSize, window: Window): Readonly<Record<string, Tensor>>;
  /** The derivative of `predictNoise`, loaded on first use and kept. */
  loadPromptGradient(): Promise<PromptGradient>;
}

/** The gradient of sum(cotangent * eps(z, t, c)) with respect to c.promptEmbeds, of its shape. */
export type PromptGradient = (z: Tensor, t: number, c: Conditioning, cotangent: Tensor) => Tensor;
