import type { Addon, Tensor } from '../device/addon.js';
import type { Conditioning } from '../prior/conditioning.js';
import type { Prior, PromptGradient } from '../prior/prior.js';
import type { CalibrationSettings } from './calibration_settings.js';
import { disposeStep, latinoStep, type Run, renoise, type Start, type StepTensors, startingLatents } from './step.js';

export interface CalibrationOptions extends CalibrationSettings {
  /** What the runs start from, with c0 [1, tokens, channels]. */
  readonly conditioning: Conditioning;
  readonly start?: Start;
  /** Whether the surrogate is computed, which nothing but a report needs. */
  readonly surrogate?: boolean;
}

/** A step of a pass; the last of a pass has no gradient. */
export interface CalibrationStep extends StepTensors {
  readonly gradient?: Tensor;
}

/** The end of a pass. */
export interface CalibrationPassEnd {
  /** From 1. */
  readonly pass: number;
  readonly passes: number;
  /** c [1, tokens, channels]. */
  readonly c: Tensor;
  /** |c - c0| over all tokens, [1]. */
  readonly distance: Tensor;
  /**
   * A term [1] for each gradient, where asked for. Their mean is a surrogate of the log marginal likelihood,
   * -|z_next - sqrt(a') z0(c)|² / (2 (1 - a')); higher is better.
   */
  readonly surrogates: readonly Tensor[];
}

type Kernels = Pick<Addon, 'linearCombination' | 'addNormalized' | 'moveWithinBalls' | 'norm' | 'power'>;

/**
 * LATINO-PRO (Spagnoletti et al. 2025, algorithm 2): the embedding c that makes the measurements likely, by stochastic approximation
 * proximal gradient (SAPG) ascent of log p(y | c). Several measurements of the same kind share one c.
 *
 * Yields every step and the end of every pass when it has been enqueued; the tensors live until the next one is asked for. Returns c, which the
 * caller disposes.
 */
export async function* calibrate(
  kernels: Kernels,
  runs: readonly Run[],
  gradientOf: PromptGradient,
  options: CalibrationOptions,
): AsyncGenerator<CalibrationStep | CalibrationPassEnd, Tensor, undefined> {
  const { passes, stepSize, radius, momentum } = options;
  const centre = options.conditioning.promptEmbeds;
  let c = kernels.linearCombination(1, centre, 0, centre);
  let total = kernels.linearCombination(0, centre, 0, centre);
  const latents: Tensor[] = [];
  let isDone = false;
  try {
    for (const run of runs) latents.push(startingLatents(run, options.start));
    for (let pass = 0; pass < passes; pass++) {
      total = replace(total, kernels.linearCombination(momentum, total, 0, total));
      const surrogates: Tensor[] = [];
      try {
        const take = (gradient: Tensor, surrogate?: Tensor): void => {
          if (surrogate) surrogates.push(surrogate);
          total = replace(total, kernels.addNormalized(total, gradient, options.normalize, options.gradientScale, options.frozenTokens));
        };
        for (const [index, run] of runs.entries()) {
          const m = yield* passOver(kernels, run, gradientOf, c, latents[index]!, options, take);
          latents[index] = replace(latents[index]!, m);
        }
        const decayed = Math.max(options.decay ** Math.max(0, pass - options.decayAfter), 1e-3);
        c = replace(c, kernels.moveWithinBalls(c, total, stepSize * decayed, centre, radius));
        using moved = kernels.linearCombination(1, c, -1, centre);
        using distance = kernels.norm(moved);
        yield { pass: pass + 1, passes, c, distance, surrogates };
      } finally {
        for (const surrogate of surrogates) surrogate.dispose();
      }
    }
    isDone = true;
    return c;
  } finally {
    for (const tensor of [total, ...latents, ...(isDone ? [] : [c])]) tensor.dispose();
  }
}

/** One pass of LATINO steps on one measurement from these latents; hands out the gradient of every step but the last. Returns the last m. */
async function* passOver(
  kernels: Kernels,
  run: Run,
  gradientOf: PromptGradient,
  c: Tensor,
  latents: Tensor,
  { conditioning, timesteps, gradient: kind, surrogate: isSurrogateWanted }: CalibrationOptions,
  take: (gradient: Tensor, surrogate?: Tensor) => void,
): AsyncGenerator<CalibrationStep, Tensor, undefined> {
  const { prior } = run;
  const conditions = conditioning.withPromptEmbeds(c);
  let z = renoise(run, latents, timesteps[0]!);
  let m: Tensor | undefined;
  try {
    for (const [i, t] of timesteps.entries()) {
      const step = latinoStep(run, z, t, conditions);
      m?.dispose();
      m = step.m;
      const next = timesteps[i + 1];
      let following: Tensor | undefined;
      try {
        if (next === undefined) {
          yield step;
        } else {
          following = renoise(run, m, next);
          using cotangent = cotangentOf(kernels, prior, step, following, next, kind);
          using gradient = gradientOf(z, t, conditions, cotangent);
          take(gradient, isSurrogateWanted ? surrogateOf(kernels, prior, cotangent, t, next) : undefined);
          yield { ...step, gradient };
          z = replace(z, following);
          following = undefined;
        }
      } finally {
        following?.dispose();
        disposeStep(step, [m]);
      }
    }
    const last = m!;
    m = undefined;
    return last;
  } finally {
    z.dispose();
    m?.dispose();
  }
}

/** Weight of the residual z_next - sqrt(a') z0 in the derivative with respect to eps. */
function residualWeight(prior: Prior, t: number, next: number): number {
  const [alpha, following] = [prior.alphaCumprod(t), prior.alphaCumprod(next)];
  return (-Math.sqrt(following) / (1 - following)) * Math.sqrt((1 - alpha) / alpha);
}

/** The derivative of -|z_next - sqrt(a') z0|² / (2 (1 - a')) with respect to eps; z_next, or its mean sqrt(a') m, is held fixed. */
function cotangentOf(
  kernels: Kernels,
  prior: Prior,
  { z0, m, t }: StepTensors,
  following: Tensor,
  next: number,
  kind: CalibrationSettings['gradient'],
): Tensor {
  const weight = residualWeight(prior, t, next);
  const root = Math.sqrt(prior.alphaCumprod(next));
  return kind === 'official'
    ? kernels.linearCombination(weight, following, -weight * root, z0)
    : kernels.linearCombination(weight * root, m, -weight * root, z0);
}

/** -|z_next - sqrt(a') z0|² / (2 (1 - a')), [N], by the cotangent. */
function surrogateOf(kernels: Kernels, prior: Prior, cotangent: Tensor, t: number, next: number): Tensor {
  using norm = kernels.norm(cotangent);
  return kernels.power(norm, -0.5 / (1 - prior.alphaCumprod(next)) / residualWeight(prior, t, next) ** 2, 2);
}

function replace(old: Tensor, fresh: Tensor): Tensor {
  old.dispose();
  return fresh;
}
