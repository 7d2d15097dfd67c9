import type { FolderWeights } from './checkpoint/weights_folder.js';
import type { PictureSize } from './device/addon.js';
import { loadAddon } from './device/load.js';
import { WORK_KINDS } from './graph/work.js';
import { memoryBudget } from './memory_budget.js';
import { memoryNeed } from './memory_need.js';
import type { ModelFiles } from './prior/read_model.js';
import { stepWork } from './prior/step_work.js';
import { measureWorkRate } from './work_rate.js';

/** What restoring one picture of a size will take on this machine's CPU, by estimate. */
export interface Prediction extends PictureSize {
  /** Windows that the UNet sees; 1 where it sees the whole picture. */
  readonly windows: number;
  /** Bytes that the process takes. */
  readonly memory: number;
  /** Multiply-adds of a step. */
  readonly multiplyAdds: number;
  /** Of a step, from the multiply-adds and how fast this machine does them just now; the first step takes longer, as weights are read in it. */
  readonly secondsPerStep: number;
}

/**
 * Measures this machine for about a second.
 *
 * @param weights of all that is in memory at the same time
 * @throws LatinoError ERR_LATINO_MODEL as `stepWork` does, ERR_LATINO_ADDON
 */
export async function predict(files: ModelFiles, weights: readonly FolderWeights[], size: PictureSize): Promise<Prediction> {
  const addon = loadAddon();
  const device = addon.openDevice('cpu');
  const { step, windows, activations } = stepWork(files, size, memoryBudget('balanced', device));
  const rate = await measureWorkRate(addon, device);
  const sum = (of: (kind: (typeof WORK_KINDS)[number]) => number): number => WORK_KINDS.reduce((total, kind) => total + of(kind), 0);
  return {
    width: size.width,
    height: size.height,
    windows,
    memory: memoryNeed(weights, activations),
    multiplyAdds: sum((kind) => (kind === 'values' ? 0 : step[kind])),
    secondsPerStep: sum((kind) => step[kind] / rate[kind]),
  };
}
