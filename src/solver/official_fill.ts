import type { Addon, Device, NativeOperator, Tensor } from '../device/addon.js';

const WINDOW = 19;

/**
 * The picture that the authors' code starts inpainting from: -1 in the hole, then `sweeps` times the mean over a window of 19 × 19 pixels
 * there, zeros beyond the border (test/golden/operators, official initialisation). y is [N, C, H, W]; the caller disposes the result.
 */
export function officialFill(
  { convolution, linearCombination }: Pick<Addon, 'convolution' | 'linearCombination'>,
  device: Device,
  operator: NativeOperator,
  y: Tensor,
  sweeps = 200,
): Tensor {
  const [, , height, width] = y.shape as readonly [number, number, number, number];
  const mean = (rows: number, columns: number): NativeOperator => {
    const taps = new Float64Array(WINDOW).fill(1 / WINDOW);
    const kernel = { height: rows, width: columns, centreY: rows >> 1, centreX: columns >> 1, values: taps };
    return convolution(device, kernel, height, width, 1, 'zero');
  };
  const [vertical, horizontal] = [mean(WINDOW, 1), mean(1, WINDOW)];
  const inHole = (x: Tensor): Tensor => {
    using seen = operator.forward(x);
    return linearCombination(1, x, -1, seen);
  };

  using seen = operator.forward(y);
  using ones = device.full(y.shape, 1);
  using hole = inHole(ones);
  let filled = linearCombination(1, seen, -1, hole);
  for (let sweep = 0; sweep < sweeps; sweep++) {
    using previous = filled;
    using half = vertical.forward(previous);
    using smooth = horizontal.forward(half);
    using fresh = inHole(smooth);
    filled = linearCombination(1, seen, 1, fresh);
  }
  return filled;
}
