import { setTimeout as delay } from 'node:timers/promises';
import { LatinoError } from '../errors.js';

/** Milliseconds before the second try; each later one waits twice as long as the one before. */
const FIRST_DELAY = 250;
const LONGEST_DELAY = 60_000;

/** What may go well at the next try: a connection that broke off, a server that is busy. */
export class Transient extends Error {
  constructor(
    message: string,
    /** Milliseconds that the server asks for. */
    readonly retryAfter?: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export interface RetryOptions {
  /** Tries in a row that may fail. */
  readonly tries: number;
  readonly signal?: AbortSignal;
}

/**
 * What an attempt comes to, tried again after what is transient. An attempt that calls `advanced` has got somewhere: failures are counted anew.
 *
 * @throws LatinoError ERR_LATINO_DOWNLOAD after too many failures in a row; the signal's reason on abort
 */
export async function withRetries<T>(attempt: (advanced: () => void) => Promise<T>, { tries, signal }: RetryOptions): Promise<T> {
  for (let failures = 0; ; ) {
    try {
      return await attempt(() => {
        failures = 0;
      });
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof Transient)) throw error;
      failures++;
      if (failures >= tries) {
        const message = `${error.message}; what is here already is kept, and the same command goes on from it`;
        throw new LatinoError('ERR_LATINO_DOWNLOAD', message, { cause: error });
      }
      await delay(Math.min(error.retryAfter ?? FIRST_DELAY * 2 ** (failures - 1), LONGEST_DELAY), undefined, { signal }).catch(
        () => undefined,
      );
      signal?.throwIfAborted();
    }
  }
}
