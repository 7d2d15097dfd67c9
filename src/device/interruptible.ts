import type { Addon, Cancellation } from './addon.js';
import { onAbort } from './on_abort.js';

/** What a piece of work is given by which it can be stopped. */
export interface Interruption {
  /** Aborts when any of the signals does, with its reason. */
  readonly signal: AbortSignal;
  /** To be given to uploads: cancels what is computed from them at that same moment. */
  readonly cancellation: Cancellation;
}

/**
 * Runs `work`, which any of the signals stops at once: between two steps, inside a network, inside a solver. Whatever the work fails with once
 * a signal has aborted, what is thrown is that signal's reason.
 */
export async function interruptible<T>(
  addon: Pick<Addon, 'cancellation'>,
  signals: readonly (AbortSignal | undefined)[],
  work: (interruption: Interruption) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const { signal } = controller;
  const cancellation = addon.cancellation();
  // Not AbortSignal.any: a signal that lives as long as the process would hold what hangs on it.
  const watched = signals.filter((each) => each !== undefined);
  const stop = ({ reason }: AbortSignal): void => {
    controller.abort(reason);
    cancellation.cancel();
  };
  const listening = watched.map((each) => {
    if (each.aborted) stop(each);
    return onAbort(each, () => stop(each));
  });
  try {
    signal.throwIfAborted();
    return await work({ signal, cancellation });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    for (const unlisten of listening) unlisten();
  }
}

/**
 * What the promise gives, unless the signal aborts first: for work that others may wait for too, and which therefore goes on. `abandon` gets
 * what it comes to then.
 */
export function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>, abandon?: (value: T) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    const unlisten = onAbort(signal, abort);
    promise.finally(unlisten).then((value) => {
      if (!signal.aborted) return resolve(value);
      abandon?.(value);
      abort(); // nobody has told it where the signal aborted after the listener had gone
    }, reject);
  });
}
