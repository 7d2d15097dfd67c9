import type { Addon, Tensor } from '../device/addon.js';
import type { Problem } from './step.js';

type Kernels = Pick<Addon, 'linearCombination' | 'norm'>;

/** Standard deviations of the noise's own mean square that are not taken for a misfit. */
const CERTAINTY = 2;

/**
 * How far A x misses each measurement beyond what its noise explains, [N], root mean square on the [-1, 1] scale. Enqueued when it is called; one
 * number an image is downloaded.
 */
export async function misfitBeyondNoise(
  { linearCombination, norm }: Kernels,
  { operator, y, sigma }: Problem,
  x: Tensor,
): Promise<number[]> {
  const count = y.shape.slice(1).reduce((product, size) => product * size, 1);
  using predicted = operator.forward(x);
  using difference = linearCombination(1, predicted, -1, y);
  using size = norm(difference);
  const norms = [...((await size.read()) as Float32Array)];
  return norms.map((each, image) => {
    const noise = (typeof sigma === 'number' ? sigma : sigma[image]!) ** 2;
    return Math.sqrt(Math.max(0, each ** 2 / count - noise * (1 + CERTAINTY * Math.sqrt(2 / count))));
  });
}
