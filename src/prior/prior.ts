import type { Device, Tensor } from '../device/addon.js';
import type { Conditioning } from './conditioning.js';

/** The generative prior as a solver sees it. Every method but `loadPromptGradient` enqueues on the device and returns at once. */
export interface Prior {
  readonly device: Device;
  /** Side in pixels of the square images that the networks were trained on. */
  readonly nativeSize: number;
  /** alphas_cumprod of the noise schedule at timestep t in [0, 999]. */
  alphaCumprod(t: number): number;
  /** Image [N, 3, H, W], clipped to [-1, 1], to scaled latents [N, C, h, w]. */
  encode(image: Tensor): Tensor;
  /** Scaled latents to an image [N, 3, height, width], clipped to [-1, 1]. */
  decode(latents: Tensor, height: number, width: number): Tensor;
  /** eps(z, t, c) [N, C, h, w]: the noise that the UNet sees in z. */
  predictNoise(z: Tensor, t: number, c: Conditioning): Tensor;
  /** The derivative of `predictNoise`, loaded on first use and kept. */
  loadPromptGradient(): Promise<PromptGradient>;
}

/** The gradient of sum(cotangent * eps(z, t, c)) with respect to c.promptEmbeds, of its shape. */
export type PromptGradient = (z: Tensor, t: number, c: Conditioning, cotangent: Tensor) => Tensor;
