import type { Latino, ReadingProgress, Warning } from '../index.js';
import type { Io } from './io.js';
import { loadOptions, type ModelFlags } from './options.js';
import { openProgress, type Progress, stopAtInterruption } from './progress.js';

/** What a command works with. */
export interface Workplace {
  readonly latino: Latino;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** For the options of the work. */
  readonly onWarning: (warning: Warning) => void;
}

/** What came of it. */
export interface Done<Result> {
  readonly result: Result;
  /** From before the load on. */
  readonly seconds: number;
  readonly device: string;
  readonly warnings: readonly Warning[];
}

/**
 * Loads the model that the flags name, works with it and frees it: with a progress bar from the first moment on, stopped by an interruption at
 * any. Warnings are printed as they come, or with `--json` left to be reported with the result.
 */
export async function withModel<Result>(
  io: Io,
  label: string,
  flags: ModelFlags & { readonly json?: boolean },
  work: (workplace: Workplace) => Promise<Result>,
): Promise<Done<Result>> {
  const json = flags.json === true;
  const begun = performance.now();
  const signal = io.interruption();
  const warnings: Warning[] = [];
  const progress = await openProgress(io, label, json);
  stopAtInterruption(io, signal, progress, json);
  const onWarning = (warning: Warning): void => {
    warnings.push(warning);
    if (!json) progress.note(`latino-native: warning: ${warning.message} [${warning.code}]`);
  };
  try {
    const { byteSize, Latino } = await import('../index.js');
    let isWorking = false;
    const onProgress = ({ bytes, totalBytes }: ReadingProgress): void => {
      // A step that is done says more.
      if (!isWorking) progress.show(bytes, totalBytes, `reading the model, ${byteSize(bytes)} of ${byteSize(totalBytes)}`);
    };
    await using latino = await Latino.load({ ...loadOptions(flags), signal, onProgress });
    const show: Progress['show'] = (...state) => {
      isWorking = true;
      progress.show(...state);
    };
    const result = await work({ latino, progress: { ...progress, show }, signal, onWarning });
    return { result, seconds: (performance.now() - begun) / 1000, device: latino.device.name, warnings };
  } finally {
    progress.stop();
  }
}
