import type { CalibrationPass } from '../index.js';
import { type Io, printLine } from './io.js';

export interface Progress {
  /** `done` of `total`, and in words. */
  show(done: number, total: number, state: string): void;
  /** A line that stays, above the bar. */
  note(text: string): void;
  /** Takes the bar away, for good. */
  stop(): void;
}

/** A progress bar on a terminal; nothing but its notes where standard error is none. */
export async function openProgress({ err }: Io, label: string, quiet: boolean): Promise<Progress> {
  if (quiet || err.isTTY !== true) return { show: () => undefined, note: (text) => printLine(err, text), stop: () => undefined };
  // Loaded where it is shown: elsewhere it would only make the start later.
  const { Presets, SingleBar } = await import('cli-progress');
  const looks = { format: '{label} {bar} {state}', barsize: 30, hideCursor: true, clearOnComplete: true };
  // Its own handlers of signals are off: whoever opened it stops it.
  const bar = new SingleBar({ ...looks, stream: err, gracefulExit: false }, Presets.shades_classic);
  let shown = { done: 0, total: 1, state: 'loading' };
  let isOpen = true;
  const start = (): void => bar.start(shown.total, shown.done, { label, state: shown.state });
  start();
  return {
    show: (done, total, state) => {
      shown = { done, total, state };
      bar.setTotal(total);
      bar.update(done, { state });
    },
    note: (text) => {
      bar.stop();
      printLine(err, text);
      if (isOpen) start();
    },
    stop: () => {
      isOpen = false;
      bar.stop();
    },
  };
}

/** Takes the bar away at an interruption, even where a second one ends the process, and says what is going on. */
export function stopAtInterruption({ err }: Io, signal: AbortSignal, progress: Progress, quiet: boolean): void {
  signal.addEventListener('abort', () => {
    progress.stop();
    if (err.isTTY && !quiet) printLine(err, 'latino-native: stopping; once more ends it at once');
  });
}

export const showPass = (progress: Progress, { pass, passes, surrogate, distance }: CalibrationPass): void =>
  progress.show(
    pass,
    passes,
    `calibration pass ${pass} of ${passes}, surrogate ${surrogate.toPrecision(5)}, distance ${distance.toPrecision(3)}`,
  );
