import { createRequire } from 'node:module';
import type { CalibrationPass } from '../options.js';

export interface Progress {
  /** `done` of `total`, and in words. */
  show(done: number, total: number, state: string): void;
  stop(): void;
}

/** A progress bar on a terminal; nothing where standard error is none, so that scripts read failures only. */
export function progressBar(label: string, quiet: boolean): Progress {
  if (quiet || process.stderr.isTTY !== true) return { show: () => undefined, stop: () => undefined };
  // Loaded where it is shown: elsewhere it would only make the start later.
  const { Presets, SingleBar } = createRequire(import.meta.url)('cli-progress') as typeof import('cli-progress');
  const options = { stream: process.stderr, format: '{label} {bar} {state}', barsize: 30, hideCursor: true, clearOnComplete: true };
  const bar = new SingleBar(options, Presets.shades_classic);
  bar.start(1, 0, { label, state: 'loading' });
  return {
    show: (done, total, state) => {
      bar.setTotal(total);
      bar.update(done, { state });
    },
    stop: () => bar.stop(),
  };
}

export const showPass = (progress: Progress, { pass, passes, surrogate, distance }: CalibrationPass): void =>
  progress.show(
    pass,
    passes,
    `calibration pass ${pass} of ${passes}, surrogate ${surrogate.toPrecision(5)}, distance ${distance.toPrecision(3)}`,
  );
