import type { Addon, Boundary, Device, NativeOperator, Taps } from '../device/addon.js';
import type { Size, TapSums } from './kind.js';

/** True convolution of images of this size; by Fourier transform where the boundary is circular. */
export function convolve(addon: Addon, device: Device, taps: Taps, { height, width }: Size, boundary: Boundary): NativeOperator {
  if (boundary === 'circular') return addon.circularConvolution(device, taps, height, width, 1);
  return addon.convolution(device, taps, height, width, 1, boundary);
}

export function tapSums({ height, width, values }: Taps): TapSums {
  const rows = new Float64Array(height);
  const columns = new Float64Array(width);
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      const tap = values[row * width + column]!;
      rows[row]! += tap;
      columns[column]! += tap;
    }
  return { rows, columns };
}
