import { LatinoError } from '../../errors.js';
import type { UNet2DConditionConfig } from '../../networks/unet2d_condition.js';
import type { Family } from './family.js';
import { stableDiffusion } from './stable_diffusion.js';

const FAMILIES: readonly Family[] = [stableDiffusion];

/** @throws LatinoError ERR_LATINO_MODEL when the UNet is of no family that is supported */
export function familyOf(unet: UNet2DConditionConfig, folder: string): Family {
  const family = FAMILIES.find((each) => each.matches(unet));
  if (family) return family;
  const known = FAMILIES.map(({ title }) => title).join(' or ');
  throw new LatinoError('ERR_LATINO_MODEL', `Expected a UNet of ${known} structure in ${folder} but found that of SDXL`);
}
