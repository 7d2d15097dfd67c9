import { checkOperator } from './operators/index.js';
import { CalibrateOptions, RestoreOptions } from './options.js';
import { parseOptions } from './schema.js';
import { calibrationSettings } from './solver/calibration_settings.js';

/**
 * Throws now what `restore` would throw of its options, where the model takes minutes to load.
 *
 * @throws LatinoError ERR_LATINO_ARGUMENT, ERR_LATINO_OPERATOR
 */
export function assertRestoreOptions(options: RestoreOptions): void {
  const { operator, calibrate } = parseOptions(RestoreOptions, options, { code: 'ERR_LATINO_ARGUMENT', what: 'options of restore' });
  checkOperator(operator);
  if (calibrate) calibrationSettings(calibrate, Number.MAX_SAFE_INTEGER);
}

/**
 * Throws now what `calibrate` would throw of its options, where the model takes minutes to load.
 *
 * @throws LatinoError ERR_LATINO_ARGUMENT, ERR_LATINO_OPERATOR
 */
export function assertCalibrateOptions(options: CalibrateOptions): void {
  const { operator, settings } = parseOptions(CalibrateOptions, options, { code: 'ERR_LATINO_ARGUMENT', what: 'options of calibrate' });
  checkOperator(operator);
  calibrationSettings(settings ?? true, Number.MAX_SAFE_INTEGER);
}
