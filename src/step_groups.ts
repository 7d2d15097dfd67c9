import type { Measurement } from './measurement.js';
import type { RestoreOptions, Warning } from './options.js';
import type { Own } from './own_options.js';

/** What of a batch is restored in one number of steps. */
export interface StepGroup {
  readonly steps: number;
  /** Places in the batch. */
  readonly members: readonly number[];
  readonly batch: readonly Own[];
  readonly measurements: readonly Measurement[];
  /** Those of the batch; whoever listens still hears of all of it. */
  readonly options: RestoreOptions;
}

/** A batch by numbers of steps, so that what a measurement's noise is worth does not depend on what others are beside it. */
export function stepGroups(
  batch: readonly Own[],
  measurements: readonly Measurement[],
  stepsOf: (measurement: Measurement) => number,
  options: RestoreOptions,
): StepGroup[] {
  const wanted = measurements.map(stepsOf);
  const all = [...new Set(wanted)].sort((a, b) => a - b);
  if (all.length === 1) return [{ steps: all[0]!, members: [...batch.keys()], batch, measurements, options }];
  const total = all.reduce((sum, steps) => sum + steps, 0);
  let before = 0;
  return all.map((steps) => {
    const members = [...batch.keys()].filter((k) => wanted[k] === steps);
    const own = { batch: members.map((k) => batch[k]!), measurements: members.map((k) => measurements[k]!) };
    const group = { steps, members, ...own, options: amongAll(options, members, before, total) };
    before += steps;
    return group;
  });
}

/** Warnings name images by their place in the batch, and steps are counted on from the groups before. */
function amongAll(
  { onWarning, onProgress, ...options }: RestoreOptions,
  members: readonly number[],
  before: number,
  total: number,
): RestoreOptions {
  const placed = (warning: Warning): Warning => ({ ...warning, images: (warning.images ?? [...members.keys()]).map((k) => members[k]!) });
  return {
    ...options,
    ...(onWarning && { onWarning: (warning) => onWarning(placed(warning)) }),
    ...(onProgress && { onProgress: (progress) => onProgress({ ...progress, step: before + progress.step, steps: total }) }),
  };
}
