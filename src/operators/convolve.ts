import type { Addon, Boundary, Device, NativeOperator, Taps } from '../device/addon.js';
import type { Size } from './kind.js';

/** True convolution of images of this size; by Fourier transform where the boundary is circular. */
export function convolve(addon: Addon, device: Device, taps: Taps, { height, width }: Size, boundary: Boundary): NativeOperator {
  if (boundary === 'circular') return addon.circularConvolution(device, taps, height, width, 1);
  return addon.convolution(device, taps, height, width, 1, boundary);
}
