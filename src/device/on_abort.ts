import { setMaxListeners } from 'node:events';

/**
 * Calls `stop` when the signal aborts, unless what this gives has been called before. Work that runs side by side has a listener each, gone when it
 * ends: many on one signal are no leak, which Node would warn of.
 */
export function onAbort(signal: AbortSignal, stop: () => void): () => void {
  setMaxListeners(0, signal);
  signal.addEventListener('abort', stop, { once: true });
  return () => signal.removeEventListener('abort', stop);
}
