import type { Tensor } from '../device/addon.js';
import { disposeStep, latinoStep, type Run, renoise, type Start, type StepTensors, startingLatents } from './step.js';

export interface LatinoOptions {
  readonly promptEmbeds: Tensor;
  /** Decreasing, in [0, 999]. */
  readonly timesteps: readonly number[];
  /** Where the run starts: by the measurement, or at latents [N, C, h, w], which stay the caller's. */
  readonly start?: Start | Tensor;
  /** `decoded`: D(z), the paper's; `proximal`: the last proximal point, which keeps the data. */
  readonly result?: 'decoded' | 'proximal';
  readonly signal?: AbortSignal;
  /** Called when a step has been enqueued. The tensors live until it returns; a read() begun there is safe. */
  readonly observe?: (step: StepTensors) => void;
  /** Called when a step is done. */
  readonly onStep?: (step: number) => void;
}

/**
 * LATINO (Spagnoletti et al. 2025, algorithm 1): samples from p(x | y, c). Returns an image [N, 3, H, W] in [-1, 1]; the caller disposes it.
 *
 * Work is enqueued at most one step ahead of the device, so that an abort takes effect within two steps and memory stays bounded.
 */
export async function latino(run: Run, options: LatinoOptions): Promise<Tensor> {
  const { kernels, model, problem } = run;
  const { promptEmbeds, timesteps, signal, start } = options;
  const [, , height, width] = problem.imageShape as readonly [number, number, number, number];

  signal?.throwIfAborted();
  let m = typeof start === 'object' ? kernels.linearCombination(1, start, 0, start) : startingLatents(run, start);
  let proximal: Tensor | undefined;
  try {
    for (const [index, t] of timesteps.entries()) {
      const previous = m;
      // Asked for before the step is enqueued, so that the device has work while this thread waits for the step before.
      const isReady = previous.ready();
      isReady.catch(() => undefined); // awaited below, unless enqueueing fails first
      using z = renoise(run, previous, t);
      const step = latinoStep(run, z, t, promptEmbeds);
      proximal?.dispose();
      ({ m, prox: proximal } = step);
      options.observe?.(step);
      disposeStep(step, [m, proximal]);

      await isReady.finally(() => previous.dispose());
      if (index > 0) options.onStep?.(index);
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
