import type { Addon, Tensor } from '../device/addon.js';
import type { EmbeddingGradient, LatentModel } from '../prior/prior.js';
import { disposeStep, latinoStep, type Run, renoise, type Start, type StepTensors, startingLatents } from './step.js';

/** How the prompt's embedding is moved; see docs/latino-pro.md for what each does. */
export interface CalibrationSettings {
  /** Outer iterations: passes of a few LATINO steps, each followed by a step of c. */
  readonly passes: number;
  /** Timesteps of a pass, decreasing, at least two. */
  readonly timesteps: readonly number[];
  /** `official`: z_next as drawn; `conditional`: its mean given the step's outcome, of the same expectation and far less variance. */
  readonly gradient: 'conditional' | 'official';
  /** What a gradient is divided by: the norm of each token, or of all. */
  readonly normalize: 'token' | 'image';
  /** Norm of a gradient after the division, in the units of c. */
  readonly gradientScale: number;
  /** What is kept of the sum of earlier passes' gradients: 0 forgets them, 1 never does, as in the authors' code. */
  readonly momentum: number;
  readonly stepSize: number;
  /** The step is multiplied by this after each pass from `decayAfter` on, down to a thousandth. */
  readonly decay: number;
  readonly decayAfter: number;
  /** No token moves farther than this from where the prompt put it. */
  readonly radius: number;
  /** Leading tokens that do not move: the start token and, of the authors' prompts, "a photo of". */
  readonly frozenTokens: number;
}

/** The constants of the authors' code (shared/golden/solver.json). */
export const OFFICIAL_CALIBRATION: CalibrationSettings = {
  passes: 15,
  timesteps: [999, 749, 499, 249],
  gradient: 'official',
  normalize: 'token',
  gradientScale: 1,
  momentum: 1,
  stepSize: 0.08,
  decay: 0.9,
  decayAfter: 10,
  radius: 15,
  frozenTokens: 4,
};

/** `best`: the conditional gradient, divided by one norm per image, of each pass alone, in steps that shrink; measured in docs/latino-pro.md. */
export const CALIBRATION_PRESETS: Readonly<Record<'official' | 'best', CalibrationSettings>> = {
  official: OFFICIAL_CALIBRATION,
  best: {
    ...OFFICIAL_CALIBRATION,
    gradient: 'conditional',
    normalize: 'image',
    gradientScale: 7,
    momentum: 0,
    stepSize: 1.5,
    decay: 0.8,
    decayAfter: 0,
  },
};

export interface CalibrationPass {
  /** From 1. */
  readonly pass: number;
  readonly passes: number;
  /** Surrogate of the log marginal likelihood, the mean over the pass of -|z_next - sqrt(a') z0(c)|² / (2 (1 - a')); higher is better. */
  readonly surrogate: number;
  /** |c - c0| over all tokens. */
  readonly distance: number;
}

export interface CalibrationOptions extends CalibrationSettings {
  /** c0 [1, tokens, channels]. */
  readonly promptEmbeds: Tensor;
  readonly start?: Start;
  readonly signal?: AbortSignal;
  /** Called when a step has been enqueued, with the gradient where the step gave one. The tensors live until it returns. */
  readonly observe?: (step: StepTensors & { readonly gradient?: Tensor }) => void;
  /** Asking for it makes two numbers per pass cross to the host. */
  readonly onPass?: (pass: CalibrationPass) => void;
}

export interface Calibration extends Disposable {
  /** c [1, tokens, channels]. */
  readonly promptEmbeds: Tensor;
  /** Per problem, the latents that the last pass ended with: where a restoration with c may start. */
  readonly latents: readonly Tensor[];
}

type Kernels = Pick<Addon, 'linearCombination' | 'addNormalized' | 'moveWithinBalls' | 'norm' | 'power'>;

/**
 * LATINO-PRO (Spagnoletti et al. 2025, algorithm 2): the embedding c that makes the measurements likely, by stochastic approximation
 * proximal gradient (SAPG) ascent of log p(y | c). Several measurements of the same kind share one c. The caller disposes the result.
 */
export async function calibrate(
  kernels: Kernels,
  runs: readonly Run[],
  gradientOf: EmbeddingGradient,
  options: CalibrationOptions,
): Promise<Calibration> {
  const { promptEmbeds: centre, signal, stepSize, radius } = options;
  signal?.throwIfAborted();
  let c = kernels.linearCombination(1, centre, 0, centre);
  let total = kernels.linearCombination(0, centre, 0, centre);
  const latents: Tensor[] = [];
  try {
    for (const run of runs) latents.push(startingLatents(run, options.start));
    for (let pass = 0; pass < options.passes; pass++) {
      total = replace(total, kernels.linearCombination(options.momentum, total, 0, total));
      const surrogates: Tensor[] = [];
      try {
        for (const [index, run] of runs.entries()) {
          await passOver(kernels, run, gradientOf, c, latents, index, options, (gradient, surrogate) => {
            if (surrogate) surrogates.push(surrogate);
            total = replace(total, kernels.addNormalized(total, gradient, options.normalize, options.gradientScale, options.frozenTokens));
          });
        }
        const decayed = Math.max(options.decay ** Math.max(0, pass - options.decayAfter), 1e-3);
        c = replace(c, kernels.moveWithinBalls(c, total, stepSize * decayed, centre, radius));
        await c.ready();
        await report(kernels, c, centre, surrogates, pass, options);
      } finally {
        for (const surrogate of surrogates) surrogate.dispose();
      }
    }
  } catch (error) {
    for (const tensor of [c, ...latents]) tensor.dispose();
    throw error;
  } finally {
    total.dispose();
  }
  return {
    promptEmbeds: c,
    latents,
    [Symbol.dispose]: () => {
      for (const tensor of [c, ...latents]) tensor.dispose();
    },
  };
}

/** One pass of LATINO steps on one measurement; moves latents[index] and hands out the gradient of every step but the last. */
async function passOver(
  kernels: Kernels,
  run: Run,
  gradientOf: EmbeddingGradient,
  c: Tensor,
  latents: Tensor[],
  index: number,
  options: CalibrationOptions,
  take: (gradient: Tensor, surrogate?: Tensor) => void,
): Promise<void> {
  const { timesteps, signal } = options;
  let z = renoise(run, latents[index]!, timesteps[0]!);
  try {
    for (const [i, t] of timesteps.entries()) {
      const step = latinoStep(run, z, t, c);
      const next = timesteps[i + 1];
      let following: Tensor | undefined;
      try {
        if (next === undefined) {
          options.observe?.(step);
        } else {
          following = renoise(run, step.m, next);
          using cotangent = cotangentOf(kernels, run.model, step, following, next, options.gradient);
          using gradient = gradientOf(z, t, c, cotangent);
          options.observe?.({ ...step, gradient });
          take(gradient, options.onPass && surrogateOf(kernels, run.model, cotangent, t, next));
        }
        // One step ahead of the device, as in `latino`.
        await latents[index]!.ready();
        signal?.throwIfAborted();
        latents[index] = replace(latents[index]!, step.m);
        if (following) {
          z = replace(z, following);
          following = undefined;
        }
      } finally {
        following?.dispose();
        disposeStep(step, [latents[index]!]);
      }
    }
  } finally {
    z.dispose();
  }
}

/** Weight of the residual z_next - sqrt(a') z0 in the derivative with respect to eps. */
function residualWeight(model: LatentModel, t: number, next: number): number {
  const [alpha, following] = [model.alphaCumprod(t), model.alphaCumprod(next)];
  return (-Math.sqrt(following) / (1 - following)) * Math.sqrt((1 - alpha) / alpha);
}

/** The derivative of -|z_next - sqrt(a') z0|² / (2 (1 - a')) with respect to eps; z_next, or its mean sqrt(a') m, is held fixed. */
function cotangentOf(
  kernels: Kernels,
  model: LatentModel,
  { z0, m, t }: StepTensors,
  following: Tensor,
  next: number,
  kind: CalibrationSettings['gradient'],
): Tensor {
  const weight = residualWeight(model, t, next);
  const root = Math.sqrt(model.alphaCumprod(next));
  return kind === 'official'
    ? kernels.linearCombination(weight, following, -weight * root, z0)
    : kernels.linearCombination(weight * root, m, -weight * root, z0);
}

/** -|z_next - sqrt(a') z0|² / (2 (1 - a')), [N], by the cotangent. */
function surrogateOf(kernels: Kernels, model: LatentModel, cotangent: Tensor, t: number, next: number): Tensor {
  using norm = kernels.norm(cotangent);
  return kernels.power(norm, -0.5 / (1 - model.alphaCumprod(next)) / residualWeight(model, t, next) ** 2, 2);
}

async function report(
  kernels: Kernels,
  c: Tensor,
  centre: Tensor,
  surrogates: readonly Tensor[],
  pass: number,
  { passes, onPass }: CalibrationOptions,
): Promise<void> {
  if (!onPass) return;
  using moved = kernels.linearCombination(1, c, -1, centre);
  using distance = kernels.norm(moved);
  const [value, ...terms] = await Promise.all([distance, ...surrogates].map(async (tensor) => Number((await tensor.read())[0])));
  const surrogate = terms.reduce((sum, term) => sum + term, 0) / terms.length;
  onPass({ pass: pass + 1, passes, surrogate, distance: value! });
}

function replace(old: Tensor, fresh: Tensor): Tensor {
  old.dispose();
  return fresh;
}
