import { LatinoError } from '../errors.js';

/** Training timesteps of every Stable Diffusion model. */
const TRAIN_TIMESTEPS = 1000;
const MAX_STEPS = 50;
/** Where geometricTimesteps and squaredTimesteps end: noise of 0.02 on a [0, 1] image of the embedded photographs' prior. */
const LEAST_NOISE = 8;
/** LCMScheduler's original_inference_steps: the timesteps that a latent consistency model was distilled at. */
const ORIGINAL_STEPS = 50;

/** The timesteps of LATINO (and of DMD2), evenly spaced and falling from 999: 999, 874, 749, ... for 8 steps. steps: 1 to 50. */
export function latinoTimesteps(steps: number): number[] {
  requireSteps(steps);
  return Array.from({ length: steps }, (_, k) => Math.round((TRAIN_TIMESTEPS * (steps - k)) / steps) - 1);
}

/**
 * Timesteps that fall by one factor each from 999 to 8: dense where little noise is left, for models that lose nothing between image and latents,
 * so that it still hides something there: 999, 501, 252, 126, 63, 32, 16, 8 for 8 steps. steps: 1 to 50.
 */
export function geometricTimesteps(steps: number): number[] {
  requireSteps(steps);
  const first = TRAIN_TIMESTEPS - 1;
  return Array.from({ length: steps }, (_, k) => Math.round(first * (LEAST_NOISE / first) ** (k / Math.max(1, steps - 1))));
}

/** Timesteps whose square roots are evenly spaced, falling from 999 to 8: 999, 756, 547, 371, 230, 122, 48, 8 for 8 steps. steps: 1 to 50. */
export function squaredTimesteps(steps: number): number[] {
  requireSteps(steps);
  const [first, last] = [Math.sqrt(TRAIN_TIMESTEPS - 1), Math.sqrt(LEAST_NOISE)];
  return Array.from({ length: steps }, (_, k) => Math.round((first + (last - first) * (k / Math.max(1, steps - 1))) ** 2));
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
