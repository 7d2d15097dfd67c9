import type { Device, Tensor } from '../device/addon.js';

/** The generative prior as the solver sees it. Every method enqueues on the device and returns at once. */
export interface LatentModel {
  readonly device: Device;
  /** alphas_cumprod of the noise schedule at timestep t in [0, 999]. */
  alphaCumprod(t: number): number;
  /** Image [N, 3, H, W], clipped to [-1, 1], to scaled latents [N, C, h, w]. */
  encode(image: Tensor): Tensor;
  /** Scaled latents to an image [N, 3, height, width], clipped to [-1, 1]. */
  decode(latents: Tensor, height: number, width: number): Tensor;
  /** eps(z, t, c): the noise that the UNet sees in z, given the prompt embedding [1, tokens, channels]. */
  predictNoise(z: Tensor, t: number, promptEmbeds: Tensor): Tensor;
}

/** The gradient of sum(cotangent * eps(z, t, c)) with respect to the prompt embedding c [1, tokens, channels], of its shape. */
export type EmbeddingGradient = (z: Tensor, t: number, c: Tensor, cotangent: Tensor) => Tensor;

/** Where the solver's randomness comes from; a test puts recorded noise in its place. */
export type NoiseSource = (shape: readonly number[]) => Tensor;

/** Noise number k of a run is the k-th stream of the seed. */
export function seededNoise(device: Device, seed: number | bigint): NoiseSource {
  let call = 0;
  return (shape) => device.randn(shape, seed, call++);
}

/** Noise of a calibration, which no restoration sees: seeds of restorations are below 2^63. */
export function calibrationNoise(device: Device, seed: number): NoiseSource {
  return seededNoise(device, (1n << 63n) | BigInt(seed));
}
