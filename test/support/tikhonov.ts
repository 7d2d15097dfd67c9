import type { Addon, Device, NativeOperator } from '../../src/device/addon.js';
import { buildOperator, convolution } from '../../src/operators/index.js';

type Numbers = Float64Array<ArrayBuffer>;

const dot = (a: Numbers, b: Numbers): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
/** a + s b */
const plus = (a: Numbers, s: number, b: Numbers): Numbers => a.map((x, i) => x + s * b[i]!);

/**
 * argmin |A x - y|² + weight |gradient of x|², the classical restoration, by conjugate gradients: what a prior has to beat.
 *
 * @param y measurement, of the shape that the operator gives images of `shape` [1, 3, H, W]
 */
export async function tikhonov(
  addon: Addon,
  device: Device,
  operator: NativeOperator,
  y: { readonly shape: readonly number[]; readonly data: ArrayLike<number> },
  shape: readonly [number, number, number, number],
  { weight, iterations }: { weight: number; iterations: number },
): Promise<Float32Array> {
  const taps = { height: 3, width: 3, values: Float64Array.of(0, -1, 0, -1, 4, -1, 0, -1, 0) };
  const laplacian = buildOperator(addon, device, convolution({ taps }), { height: shape[2], width: shape[3] });
  const normal = async (x: Numbers): Promise<Numbers> => {
    using image = device.upload(Float32Array.from(x), shape);
    using measured = operator.forward(image);
    using back = operator.adjoint(measured);
    using rough = laplacian.forward(image);
    using sum = addon.linearCombination(1, back, weight, rough);
    return Float64Array.from((await sum.read()) as Float32Array);
  };
  using measurement = device.upload(Float32Array.from(y.data), y.shape);
  using begun = operator.adjoint(measurement);
  let x: Numbers = new Float64Array(begun.shape.reduce((a, b) => a * b));
  let r = Float64Array.from((await begun.read()) as Float32Array);
  let p = r;
  let square = dot(r, r);
  for (let k = 0; k < iterations && square > 0; k++) {
    const q = await normal(p);
    const step = square / dot(p, q);
    x = plus(x, step, p);
    r = plus(r, -step, q);
    const next = dot(r, r);
    p = plus(r, next / square, p);
    square = next;
  }
  laplacian.dispose();
  return Float32Array.from(x);
}
