import type { Tensor } from '../device/addon.js';
import type { Conditioning } from '../prior/conditioning.js';
import { disposeStep, latinoStep, type Run, renoise, type Start, type StepTensors, startingLatents } from './step.js';

/** `decoded`: D(z), the paper's; `proximal`: the last proximal point, which keeps the data. */
export type Result = 'decoded' | 'proximal';

export interface LatinoOptions {
  readonly conditioning: Conditioning;
  /** Decreasing, in [0, 999]; at least one. */
  readonly timesteps: readonly number[];
  /** Where the run starts: by the measurement, or at latents [N, C, h, w], which stay the caller's. */
  readonly start?: Start | Tensor;
  /** `decoded` where nothing is said; or what to choose for each image of the batch, or for all, once the last step is known. */
  readonly result?: Result | ((last: StepTensors) => Promise<readonly Result[]>);
}

/**
 * LATINO (Spagnoletti et al. 2025, algorithm 1): samples from p(x | y, c). Yields every step when it has been enqueued; its tensors live until
 * the next one is asked for. Returns images [N, 3, H, W] in [-1, 1]; the caller disposes them.
 */
export async function* latino(
  run: Run,
  { conditioning, timesteps, start, result = 'decoded' }: LatinoOptions,
): AsyncGenerator<StepTensors, Tensor, undefined> {
  const { kernels } = run;
  let results: readonly Result[] = typeof result === 'string' ? [result] : [];
  let m = typeof start === 'object' ? kernels.linearCombination(1, start, 0, start) : startingLatents(run, start);
  let prox: Tensor | undefined;
  let last: Run | undefined;
  try {
    for (const t of timesteps) {
      using z = renoise(run, m, t);
      m.dispose();
      prox?.dispose();
      if (t === timesteps.at(-1)) last = { ...run, prior: run.prior.forLastStep };
      const step = latinoStep(last ?? run, z, t, conditioning);
      ({ m, prox } = step);
      try {
        yield step;
        if (typeof result === 'function' && t === timesteps.at(-1)) results = await result(step);
      } finally {
        disposeStep(step, [m, prox]);
      }
    }
    return resultOf(last ?? run, m, prox!, results);
  } finally {
    m.dispose();
    prox?.dispose();
  }
}

/** What a batch comes to: one kind for all its images, or one for each. */
function resultOf({ kernels, prior, problem }: Run, m: Tensor, prox: Tensor, results: readonly Result[]): Tensor {
  const [, , height, width] = problem.imageShape as readonly [number, number, number, number];
  const decode = (): Tensor => prior.decode(m, height, width);
  const clip = (): Tensor => kernels.clip(prox, -1, 1);
  if (results.every((each) => each === results[0])) return results[0] === 'proximal' ? clip() : decode();
  using decoded = decode();
  using proximal = clip();
  const images = results.map((each, k) => kernels.slice(each === 'proximal' ? proximal : decoded, k, k + 1));
  try {
    return kernels.concatenate(images);
  } finally {
    for (const image of images) image.dispose();
  }
}
