import { geometricTimesteps, squaredTimesteps } from '../timesteps.js';
import type { Family } from './family.js';
import { stableDiffusion } from './stable_diffusion.js';

/** From here on twelve steps remove noise better than eight by a tenth of a decibel at least (bench/denoising_steps.mjs). */
const MUCH_NOISE = 0.05;

/** The embedded photographs' prior: Stable Diffusion's networks on patches of pixels, whose channels it predicts each on its own scale. */
export const patchDiffusion: Family = {
  ...stableDiffusion,
  title: 'Patch diffusion',
  matches: ({ latents_std }) => latents_std != null,
  defaultSteps({ hidesPixels, isNoiseAlone }, sigma) {
    // What fills a hole grows from its rim, a little at a step.
    if (hidesPixels) return 32;
    return isNoiseAlone && sigma >= MUCH_NOISE ? 12 : 8;
  },
  timesteps: (steps, { hidesPixels }) => (hidesPixels ? squaredTimesteps(steps) : geometricTimesteps(steps)),
};
