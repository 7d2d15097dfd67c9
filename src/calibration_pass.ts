import type { Tensor } from './device/addon.js';
import type { CalibrationPass } from './options.js';
import type { CalibrationPassEnd } from './solver/latino_pro.js';

/** What a pass of the calibration came to, read from the device. */
export async function readPass({ pass, passes, distance, surrogates }: CalibrationPassEnd): Promise<CalibrationPass> {
  const read = async (tensor: Tensor): Promise<number> => Number((await tensor.read())[0]);
  const [value, ...terms] = await Promise.all([distance, ...surrogates].map(read));
  return { pass, passes, surrogate: terms.reduce((sum, term) => sum + term, 0) / terms.length, distance: value! };
}
