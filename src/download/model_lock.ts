import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { cacheFolder, modelFolder } from '../checkpoint/hugging_face_cache.js';
import { outputError } from '../output_file.js';
import { freshenLock, releaseLock, takeLock } from '../process_lock.js';

/** Milliseconds between two looks at a lock that somebody has, and between two signs of life of whoever has it. */
const POLL = 500;
const FRESHEN = 10_000;
/** Without a sign of life it counts as left behind, where it is another host's, whose processes we cannot see: a container that was killed, say. */
const STALE = 60_000;

export interface ModelLockOptions {
  readonly signal?: AbortSignal;
  /** Called once where it has to be waited for, with who has it. */
  readonly onWait: (holder: string) => void;
}

/**
 * The right to download a model, so that two processes do not write one file. Whoever comes second waits, and finds the files there.
 *
 * @throws LatinoError ERR_LATINO_OUTPUT when the cache cannot be written; the signal's reason on abort
 */
export async function lockModel(name: string, { signal, onWait }: ModelLockOptions): Promise<AsyncDisposable> {
  const path = join(cacheFolder(), '.locks', basename(modelFolder(name)), 'latino-pull.lock');
  await mkdir(dirname(path), { recursive: true }).catch((cause: unknown) => {
    throw outputError(dirname(path), cause);
  });
  for (let isFirst = true; ; isFirst = false) {
    const holder = await takeLock(path, { staleAfter: STALE });
    if (!holder) break;
    if (isFirst) onWait(`process ${holder.pid}${holder.host === hostname() ? '' : ` of the host ${holder.host}`}`);
    await delay(POLL, undefined, { signal }).catch(() => undefined);
    signal?.throwIfAborted();
  }
  const timer = setInterval(() => void freshenLock(path), FRESHEN).unref();
  return {
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      await releaseLock(path);
    },
  };
}
