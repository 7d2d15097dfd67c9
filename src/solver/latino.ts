import type { Tensor } from '../device/addon.js';
import type { Conditioning } from '../prior/conditioning.js';
import { disposeStep, latinoStep, type Run, renoise, type Start, type StepTensors, startingLatents } from './step.js';

export interface LatinoOptions {
  readonly conditioning: Conditioning;
  /** Decreasing, in [0, 999]; at least one. */
  readonly timesteps: readonly number[];
  /** Where the run starts: by the measurement, or at latents [N, C, h, w], which stay the caller's. */
  readonly start?: Start | Tensor;
  /** `decoded`: D(z), the paper's; `proximal`: the last proximal point, which keeps the data. */
  readonly result?: 'decoded' | 'proximal';
}

/**
 * LATINO (Spagnoletti et al. 2025, algorithm 1): samples from p(x | y, c). Yields every step when it has been enqueued; its tensors live until
 * the next one is asked for. Returns images [N, 3, H, W] in [-1, 1]; the caller disposes them.
 */
export async function* latino(
  run: Run,
  { conditioning, timesteps, start, result }: LatinoOptions,
): AsyncGenerator<StepTensors, Tensor, undefined> {
  const { kernels, prior, problem } = run;
  const [, , height, width] = problem.imageShape as readonly [number, number, number, number];
  let m = typeof start === 'object' ? kernels.linearCombination(1, start, 0, start) : startingLatents(run, start);
  let prox: Tensor | undefined;
  try {
    for (const t of timesteps) {
      using z = renoise(run, m, t);
      m.dispose();
      prox?.dispose();
      const step = latinoStep(run, z, t, conditioning);
      ({ m, prox } = step);
      try {
        yield step;
      } finally {
        disposeStep(step, [m, prox]);
      }
    }
    return result === 'proximal' ? kernels.clip(prox!, -1, 1) : prior.decode(m, height, width);
  } finally {
    m.dispose();
    prox?.dispose();
  }
}
