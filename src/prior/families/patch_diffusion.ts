import { geometricTimesteps, squaredTimesteps } from '../timesteps.js';
import type { Family } from './family.js';
import { stableDiffusion } from './stable_diffusion.js';

/** The embedded photographs' prior: Stable Diffusion's networks on patches of pixels, whose channels it predicts each on its own scale. */
export const patchDiffusion: Family = {
  ...stableDiffusion,
  title: 'Patch diffusion',
  matches: ({ latents_std }) => latents_std != null,
  // What fills a hole grows from its rim, a little at a step.
  defaultSteps: ({ hidesPixels }) => (hidesPixels ? 32 : 8),
  timesteps: (steps, { hidesPixels }) => (hidesPixels ? squaredTimesteps(steps) : geometricTimesteps(steps)),
};
