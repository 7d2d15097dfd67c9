import { readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { LatinoError } from '../errors.js';
import { type Holder, lockHolder, releaseLock, takeLock } from '../process_lock.js';
import { type Share, stemOf } from './share.js';

const LOCK = /^latino-batch(?:\.(\d+)-of-(\d+))?\.lock$/;

/**
 * The right to write an output folder, or one share of it. A lock that a dead process of this host left is taken over.
 *
 * @throws LatinoError ERR_LATINO_OUTPUT when another process, or one of another host, writes there
 */
export async function lockFolder(folder: string, share: Share): Promise<AsyncDisposable> {
  const name = `${stemOf(share)}.lock`;
  const path = join(folder, name);
  const holder = await takeLock(path);
  if (holder) throw taken(path, holder);
  try {
    for (const other of await readdir(folder)) {
      // Of a process that was killed while it took it.
      if (other.startsWith(`${name}.`)) await rm(join(folder, other), { force: true });
      const [, , of] = LOCK.exec(other) ?? [];
      // Shares of one division do not overlap; those of two may.
      if (!LOCK.test(other) || other === name || (of !== undefined && Number(of) === share.of)) continue;
      const holder = await lockHolder(join(folder, other));
      if (holder) throw taken(join(folder, other), holder);
    }
  } catch (error) {
    await releaseLock(path);
    throw error;
  }
  return { [Symbol.asyncDispose]: () => releaseLock(path) };
}

function taken(path: string, { host, pid, since }: Holder): LatinoError {
  const where = host === hostname() ? '' : ` of the host ${host}`;
  const advice = host === hostname() ? '' : `; delete ${path} if it has ended`;
  return new LatinoError(
    'ERR_LATINO_OUTPUT',
    `Expected the output folder for itself but process ${pid}${where} writes there since ${since}${advice}`,
  );
}
