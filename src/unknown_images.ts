import type { KnownImages } from './checkpoint/embedded_models.js';
import type { Addon } from './device/addon.js';
import type { Warning } from './options.js';
import type { Result } from './solver/latino.js';
import { misfitBeyondNoise } from './solver/misfit.js';
import type { Problem, StepTensors } from './solver/step.js';

/** Latents at a later noise level than this still show what the prior likes, whatever was measured. */
const LAST_TIMESTEP = 250;

/**
 * Which result suits each image of a batch that has the size which a model of one subject knows: `proximal`, which keeps the data, where the last
 * estimate does not explain the measurement, which is warned of once.
 */
export function resultByMisfit(
  kernels: Pick<Addon, 'linearCombination' | 'norm'>,
  known: KnownImages,
  problem: Problem,
  warn: (warning: Warning) => void,
): (last: StepTensors) => Promise<Result[]> {
  return async ({ x, t }) => {
    if (t >= LAST_TIMESTEP) return ['decoded'];
    const results = (await misfitBeyondNoise(kernels, problem, x)).map((misfit) => (misfit > known.misfit ? 'proximal' : 'decoded'));
    const images = [...results.keys()].filter((k) => results[k] === 'proximal');
    if (images.length > 0) warn({ ...unknown(known, 'what it draws does not explain this measurement'), images });
    return results;
  };
}

/** The warning for images of another size than the model knows. */
export function ofAnotherSize(known: KnownImages | undefined, { imageShape: [, , height, width] }: Problem): Warning | undefined {
  if (!known || (width === known.width && height === known.height)) return undefined;
  return unknown(known, `this image is ${width} × ${height}`);
}

const unknown = ({ subject, width, height }: KnownImages, why: string): Warning => ({
  code: 'WARN_LATINO_UNKNOWN_IMAGE',
  message: `The model knows ${subject} of ${width} × ${height} pixels only, and ${why}: expect no more than what the data alone tell, or name a model for such images, such as photos (model, --model)`,
});
