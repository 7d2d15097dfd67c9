import { join } from 'node:path';
import { z } from 'zod';
import { LatinoError } from '../errors.js';
import { only, parseConfig } from '../networks/config.js';
import { readModelJson } from './json_file.js';

/** Training timesteps of every Stable Diffusion model. */
const TRAIN_TIMESTEPS = 1000;
const MAX_STEPS = 50;
/** LCMScheduler's original_inference_steps: the timesteps that a latent consistency model was distilled at. */
const ORIGINAL_STEPS = 50;

const Beta = z.number().positive().lt(1);
const SchedulerConfig = z.object({
  beta_schedule: z.enum(['scaled_linear', 'linear']),
  beta_start: Beta,
  beta_end: Beta,
  num_train_timesteps: only(TRAIN_TIMESTEPS),
  prediction_type: only('epsilon'),
  rescale_betas_zero_snr: only(false),
  trained_betas: z.array(Beta).length(TRAIN_TIMESTEPS).nullish(),
});

/** The noise schedule: x_t = sqrt(a) x_0 + sqrt(1 - a) n with a = alphaCumprod(t). */
export class Schedule {
  /** alphas_cumprod[t] = prod_{i <= t} (1 - beta_i), in float64. */
  readonly alphasCumprod: Float64Array;

  constructor(betas: readonly number[]) {
    let product = 1;
    this.alphasCumprod = Float64Array.from(betas, (beta) => {
      product *= 1 - beta;
      return product;
    });
  }

  /** t: an integer in [0, 999]. */
  alphaCumprod(t: number): number {
    const alpha = this.alphasCumprod[t];
    if (alpha === undefined) {
      throw new LatinoError(
        'ERR_LATINO_ARGUMENT',
        `Expected an integer from 0 to ${this.alphasCumprod.length - 1} for timestep but received ${t}`,
      );
    }
    return alpha;
  }
}

/**
 * Reads scheduler_config.json in the folder.
 * @throws LatinoError ERR_LATINO_MODEL when it is missing or describes a schedule that is not supported, such as v-prediction.
 */
export async function loadSchedule(folder: string): Promise<Schedule> {
  const path = join(folder, 'scheduler_config.json');
  const config = parseConfig(SchedulerConfig, await readModelJson(path), path);
  if (config.trained_betas) return new Schedule(config.trained_betas);
  const { beta_start: start, beta_end: end } = config;
  return new Schedule(
    config.beta_schedule === 'linear'
      ? linspace(start, end, TRAIN_TIMESTEPS)
      : linspace(Math.sqrt(start), Math.sqrt(end), TRAIN_TIMESTEPS).map((root) => root ** 2),
  );
}

function linspace(start: number, end: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => start + ((end - start) * i) / (count - 1));
}

/** The timesteps of LATINO (and of DMD2), evenly spaced and falling from 999: 999, 874, 749, ... for 8 steps. steps: 1 to 50. */
export function latinoTimesteps(steps: number): number[] {
  requireSteps(steps);
  return Array.from({ length: steps }, (_, k) => Math.round((TRAIN_TIMESTEPS * (steps - k)) / steps) - 1);
}

/** The timesteps of LCMScheduler as it comes (LATINO-1.5), picked from the 50 of distillation: 999, 879, 759, ... for 8 steps. steps: 1 to 50. */
export function lcmTimesteps(steps: number): number[] {
  requireSteps(steps);
  const stride = TRAIN_TIMESTEPS / ORIGINAL_STEPS;
  return Array.from({ length: steps }, (_, k) => stride * (ORIGINAL_STEPS - Math.floor((k * ORIGINAL_STEPS) / steps)) - 1);
}

function requireSteps(steps: number): void {
  if (!Number.isInteger(steps) || steps < 1 || steps > MAX_STEPS) {
    throw new LatinoError('ERR_LATINO_ARGUMENT', `Expected an integer from 1 to ${MAX_STEPS} for steps but received ${steps}`);
  }
}
