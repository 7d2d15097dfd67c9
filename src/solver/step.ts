import type { Addon, NativeOperator, PerImage, Tensor } from '../device/addon.js';
import type { Conditioning } from '../prior/conditioning.js';
import type { Prior } from '../prior/prior.js';
import type { NoiseSource } from './noise.js';
import { officialFill } from './official_fill.js';
import type { GammaRule } from './step_rules.js';

/** y = A x + noise, on the [-1, 1] scale; a batch of N measurements of one operator. */
export interface Problem {
  readonly operator: NativeOperator;
  /** [N, C, h, w] */
  readonly y: Tensor;
  /** [N, 3, H, W] of the images to be found. */
  readonly imageShape: readonly number[];
  /** Standard deviation of the noise, on the [-1, 1] scale. */
  readonly sigma: PerImage;
  /** Whether A hides pixels: the official start fills them. */
  readonly inpainting?: boolean;
}

/** `regularised`: prox(0; y, 1e4), which is a regularised inverse; `official`: Aᵀy, or the filled hole, as in the authors' code. */
export type Start = 'regularised' | 'official';

/** What the steps of a run have in common. */
export interface Run {
  readonly kernels: Pick<Addon, 'linearCombination' | 'clip' | 'convolution' | 'slice' | 'concatenate'>;
  readonly prior: Prior;
  readonly problem: Problem;
  readonly gammaRule: GammaRule;
  readonly noise: NoiseSource;
}

/** What one step computed; z is the caller's. */
export interface StepTensors {
  readonly t: number;
  /** [N, C, h, w] latents at noise level t. */
  readonly z: Tensor;
  readonly eps: Tensor;
  /** Consistency estimate of the latents. */
  readonly z0: Tensor;
  /** D(z0), clipped. */
  readonly x: Tensor;
  /** One number, or [N]. */
  readonly gamma: number | Tensor;
  readonly prox: Tensor;
  /** E(prox). */
  readonly m: Tensor;
}

const START_GAMMA = 1e4;

/** E(x_init(y)). The caller disposes it. */
export function startingLatents({ kernels, prior, problem }: Run, start: Start = 'regularised'): Tensor {
  const { operator, y, imageShape, sigma, inpainting } = problem;
  if (start === 'official') {
    using image = inpainting ? officialFill(kernels, prior.device, operator, y) : operator.adjoint(y);
    return prior.encode(image);
  }
  using zero = prior.device.full(imageShape, 0);
  using image = operator.prox(zero, y, START_GAMMA, sigma);
  return prior.encode(image);
}

/** sqrt(a(t)) m + sqrt(1 - a(t)) noise. The caller disposes it. */
export function renoise({ kernels, prior, noise }: Run, m: Tensor, t: number): Tensor {
  const alpha = prior.alphaCumprod(t);
  using fresh = noise(m.shape);
  return kernels.linearCombination(Math.sqrt(alpha), m, Math.sqrt(1 - alpha), fresh);
}

/** Consistency call, proximal step and encoding; the caller disposes the tensors. */
export function latinoStep({ kernels, prior, problem, gammaRule, noise }: Run, z: Tensor, t: number, c: Conditioning): StepTensors {
  const { operator, y, sigma, imageShape } = problem;
  const alpha = prior.alphaCumprod(t);
  const eps = prior.predictNoise(z, t, c);
  const z0 = kernels.linearCombination(1 / Math.sqrt(alpha), z, -Math.sqrt((1 - alpha) / alpha), eps);
  const x = prior.decode(z0, imageShape[2]!, imageShape[3]!);
  using residual = operator.residual(x, y);
  const gamma = gammaRule({ device: prior.device, operator, x, y, residual, t, alpha, noiseGain: prior.noiseGain, sigma, noise });
  const prox = operator.proxFromResidual(x, residual, gamma, sigma);
  return { t, z, eps, z0, x, gamma, prox, m: prior.encode(prox) };
}

/** Disposes what a step computed, but not z and not what is kept. */
export function disposeStep({ eps, z0, x, gamma, prox, m }: StepTensors, keep: readonly Tensor[] = []): void {
  for (const tensor of [eps, z0, x, gamma, prox, m]) {
    if (typeof tensor !== 'number' && !keep.includes(tensor)) tensor.dispose();
  }
}
