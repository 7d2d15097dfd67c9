import type { CalibrationPass } from '../solver/latino_pro.js';

/** A progress line on a terminal; nothing elsewhere. */
export function progressLine(label: string, quiet: boolean): { show(state: string): void; stop(): void } {
  const visible = process.stderr.isTTY === true && !quiet;
  return {
    show(state) {
      if (visible) process.stderr.write(`\r${label}: ${state}\x1b[K`);
    },
    stop() {
      if (visible) process.stderr.write('\r\x1b[K');
    },
  };
}

export function describePass({ pass, passes, surrogate, distance }: CalibrationPass): string {
  return `calibration pass ${pass} of ${passes}, surrogate ${surrogate.toPrecision(5)}, distance ${distance.toPrecision(3)}`;
}
