import type { Tensor } from '../device/addon.js';

export interface DriveOptions<Step, Seen> {
  readonly signal?: AbortSignal;
  /** Called when a step has been enqueued: a read() of its tensors that is begun here is safe. */
  readonly see?: (step: Step) => Promise<Seen> | undefined;
  /** Called when a step is done, in order, with what `see` came to. */
  readonly done?: (step: Step, seen: Seen | undefined) => void;
}

/** A step of a solver ends with its latents m, a pass of a calibration with its embedding c: it is done when that has been written. */
export type Driven = { readonly m: Tensor } | { readonly c: Tensor };

/**
 * Runs a solver to its end. Steps are enqueued at most one ahead of the device, so that it never waits for JavaScript, memory stays bounded,
 * and an abort leaves little to be cancelled. Resolves when the result has been written.
 *
 * @throws the signal's reason on abort; what a step, `see` or `done` throws; then nothing of the run is left
 */
export async function drive<Step extends Driven, Result extends Tensor, Seen = undefined>(
  steps: AsyncGenerator<Step, Result, undefined>,
  { signal, see, done }: DriveOptions<Step, Seen> = {},
): Promise<Result> {
  let unfinished: (() => Promise<void>) | undefined;
  try {
    for (let next = await steps.next(); ; next = await steps.next()) {
      if (next.done) return await whenDone(next.value, unfinished);
      const step = next.value;
      // Asked for when the step is enqueued, so that the device has it to do while this waits for the step before.
      const finished = Promise.all([('m' in step ? step.m : step.c).ready(), see?.(step)]);
      finished.catch(() => undefined); // awaited below, unless the step before fails first
      await unfinished?.();
      signal?.throwIfAborted();
      unfinished = async () => {
        const [, seen] = await finished;
        done?.(step, seen);
      };
    }
  } finally {
    // Lets the solver dispose what it holds; nothing to do where it has come to its end.
    await steps.return(undefined as never);
  }
}

async function whenDone<Result extends Tensor>(result: Result, unfinished?: () => Promise<void>): Promise<Result> {
  try {
    await unfinished?.();
    await result.ready();
    return result;
  } catch (error) {
    result.dispose();
    throw error;
  }
}
