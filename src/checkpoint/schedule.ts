import { z } from 'zod';
import { LatinoError } from '../errors.js';
import { only, parseConfig } from '../networks/config.js';
import { readJson, type TextFiles } from './checkpoint.js';

/** Training timesteps of every Stable Diffusion model. */
const TRAIN_TIMESTEPS = 1000;

const Beta = z.number().positive().lt(1);
const SchedulerConfig = z.object({
  beta_schedule: z.enum(['scaled_linear', 'linear']),
  beta_start: Beta,
  beta_end: Beta,
  num_train_timesteps: only(TRAIN_TIMESTEPS),
  prediction_type: only('epsilon', 'v_prediction'),
  rescale_betas_zero_snr: only(false),
  trained_betas: z.array(Beta).length(TRAIN_TIMESTEPS).nullish(),
});

/** The noise schedule: x_t = sqrt(a) x_0 + sqrt(1 - a) n with a = alphaCumprod(t). */
export class Schedule {
  /** alphas_cumprod[t] = prod_{i <= t} (1 - beta_i), in float64. */
  readonly alphasCumprod: Float64Array;

  constructor(
    betas: readonly number[],
    /** What the UNet predicts: the noise, or v = sqrt(a) n - sqrt(1 - a) x_0. */
    readonly prediction: 'epsilon' | 'v_prediction' = 'epsilon',
  ) {
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
 * Reads scheduler_config.json.
 * @throws LatinoError ERR_LATINO_MODEL when it is missing or describes a schedule that is not supported, such as one that predicts x_0.
 */
export async function loadSchedule(files: TextFiles): Promise<Schedule> {
  const name = 'scheduler_config.json';
  const config = parseConfig(SchedulerConfig, await readJson(files, name), `${files.place}/${name}`);
  const prediction = config.prediction_type ?? 'epsilon';
  if (config.trained_betas) return new Schedule(config.trained_betas, prediction);
  const { beta_start: start, beta_end: end } = config;
  return new Schedule(
    config.beta_schedule === 'linear'
      ? linspace(start, end, TRAIN_TIMESTEPS)
      : linspace(Math.sqrt(start), Math.sqrt(end), TRAIN_TIMESTEPS).map((root) => root ** 2),
    prediction,
  );
}

function linspace(start: number, end: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => start + ((end - start) * i) / (count - 1));
}
