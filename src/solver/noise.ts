import type { Device, Seed, Tensor } from '../device/addon.js';

/** Where the solver's randomness comes from; a test puts recorded noise in its place. */
export type NoiseSource = (shape: readonly number[]) => Tensor;

/** Noise number k of a run is the k-th stream of the seed; of a batch, image n has the seed n of its own. */
export function seededNoise(device: Device, seeds: Seed | readonly Seed[]): NoiseSource {
  let call = 0;
  return (shape) => device.randn(shape, seeds, call++);
}

/** Noise of a calibration, which no restoration sees: seeds of restorations are below 2^63. */
export function calibrationNoise(device: Device, seed: number): NoiseSource {
  return seededNoise(device, (1n << 63n) | BigInt(seed));
}
