import type { MeasurementOptions, Warning } from './options.js';

/** Tells whoever listens, or else the process. */
export function warn(onWarning: MeasurementOptions['onWarning'], warning: Warning): void {
  if (onWarning) onWarning(warning);
  else process.emitWarning(warning.message, { code: warning.code });
}
