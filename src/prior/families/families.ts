import type { UNet2DConditionConfig } from '../../networks/unet2d_condition.js';
import type { Family } from './family.js';
import { patchDiffusion } from './patch_diffusion.js';
import { stableDiffusion } from './stable_diffusion.js';
import { stableDiffusionXl } from './stable_diffusion_xl.js';

/** The family whose structure a UNet has. Whatever else a configuration may ask for was refused when it was read. */
export const familyOf = (unet: UNet2DConditionConfig): Family =>
  [stableDiffusionXl, patchDiffusion].find((family) => family.matches(unet)) ?? stableDiffusion;
