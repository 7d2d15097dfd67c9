import type { Addon, NativeOperator, Tensor } from '../native/addon.js';
import type { LatentModel, NoiseSource } from './model.js';
import type { GammaRule } from './step_rules.js';

/** y = A x + noise, on the [-1, 1] scale. */
export interface Problem {
  readonly operator: NativeOperator;
  readonly y: Tensor;
  /** [N, 3, H, W] of the image to be found. */
  readonly imageShape: readonly number[];
  /** Standard deviation of the noise, on the [-1, 1] scale. */
  readonly sigma: number;
}

/** What one step computed. The tensors live until the observer returns; a read() begun there is safe. */
export interface StepTensors {
  readonly step: number;
  readonly t: number;
  readonly z: Tensor;
  readonly eps: Tensor;
  readonly z0: Tensor;
  readonly x: Tensor;
  readonly gamma: number | Tensor;
  readonly prox: Tensor;
  readonly m: Tensor;
}

export interface LatinoOptions {
  readonly promptEmbeds: Tensor;
  /** Decreasing, in [0, 999]. */
  readonly timesteps: readonly number[];
  readonly gammaRule: GammaRule;
  readonly noise: NoiseSource;
  /** `regularised`: prox(0; y, 1e4), which is a regularised inverse; `official`: Aᵀy, as in the authors' code. */
  readonly start?: 'regularised' | 'official';
  /** `decoded`: D(z), the paper's; `proximal`: the last proximal point, which keeps the data. */
  readonly result?: 'decoded' | 'proximal';
  readonly signal?: AbortSignal;
  /** Called when a step has been enqueued. */
  readonly observe?: (step: StepTensors) => void;
  /** Called when a step is done. */
  readonly onStep?: (step: number) => void;
}

const START_GAMMA = 1e4;

function startingImage({ operator, y, imageShape }: Problem, device: LatentModel['device'], start: LatinoOptions['start']): Tensor {
  if (start === 'official') return operator.adjoint(y);
  using zero = device.full(imageShape, 0);
  return operator.prox(zero, y, START_GAMMA);
}

/**
 * LATINO (Spagnoletti et al. 2025, algorithm 1): samples from p(x | y, c). Returns an image [N, 3, H, W] in [-1, 1]; the caller disposes it.
 *
 * Work is enqueued at most one step ahead of the device, so that an abort takes effect within two steps and memory stays bounded.
 */
export async function latino(
  kernels: Pick<Addon, 'linearCombination' | 'clip'>,
  model: LatentModel,
  problem: Problem,
  options: LatinoOptions,
): Promise<Tensor> {
  const { operator, y, sigma, imageShape } = problem;
  const { promptEmbeds, timesteps, gammaRule, noise, signal } = options;
  const [height, width] = [imageShape[2]!, imageShape[3]!];

  const renoise = (m: Tensor, alpha: number): Tensor => {
    using fresh = noise(m.shape);
    return kernels.linearCombination(Math.sqrt(alpha), m, Math.sqrt(1 - alpha), fresh);
  };

  signal?.throwIfAborted();
  let m: Tensor;
  {
    using start = startingImage(problem, model.device, options.start);
    m = model.encode(start);
  }
  let proximal: Tensor | undefined;
  try {
    for (const [step, t] of timesteps.entries()) {
      const alpha = model.alphaCumprod(t);
      const previous = m;
      using z = renoise(previous, alpha);
      using eps = model.predictNoise(z, t, promptEmbeds);
      using z0 = kernels.linearCombination(1 / Math.sqrt(alpha), z, -Math.sqrt((1 - alpha) / alpha), eps);
      using x = model.decode(z0, height, width);
      using residual = operator.residual(x, y);
      const gamma = gammaRule({ operator, x, y, residual, t, alpha, sigma, noise });
      proximal?.dispose();
      proximal = operator.proxFromResidual(x, residual, gamma);
      m = model.encode(proximal);
      options.observe?.({ step, t, z, eps, z0, x, gamma, prox: proximal, m });
      if (typeof gamma !== 'number') gamma.dispose();

      await previous.ready().finally(() => previous.dispose());
      if (step > 0) options.onStep?.(step);
      signal?.throwIfAborted();
    }
    const image = options.result === 'proximal' ? kernels.clip(proximal!, -1, 1) : model.decode(m, height, width);
    await image.ready().catch((error: unknown) => {
      image.dispose();
      throw error;
    });
    options.onStep?.(timesteps.length);
    return image;
  } finally {
    m.dispose();
    proximal?.dispose();
  }
}
