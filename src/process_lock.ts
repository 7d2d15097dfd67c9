import { randomUUID } from 'node:crypto';
import { constants, copyFile, link, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { z } from 'zod';
import { outputError } from './output_file.js';

const Holder = z.object({ host: z.string(), pid: z.int(), born: z.string().optional(), since: z.string() });
/** The process that has a lock. */
export type Holder = z.output<typeof Holder>;

export interface LockOptions {
  /** Milliseconds after which a lock of another host that nobody has kept fresh counts as left behind; never, unless told otherwise. */
  readonly staleAfter?: number;
}

/**
 * Makes a file that says who has the lock. A file that a dead process of this host left is taken over.
 *
 * @returns who has it already; nothing where it was taken
 * @throws LatinoError ERR_LATINO_OUTPUT when the file cannot be written
 */
export async function takeLock(path: string, options: LockOptions = {}): Promise<Holder | undefined> {
  const own = `${path}.${randomUUID()}`;
  const me: Holder = { host: hostname(), pid: process.pid, born: await birthOf(process.pid), since: new Date().toISOString() };
  try {
    await writeFile(own, `${JSON.stringify(me)}\n`, { flag: 'wx' });
    // A link appears with its content, or not at all.
    while (!(await linked(own, path))) {
      const holder = await readHolder(path);
      if (holder && (await mayLive(holder)) && !(await isStale(holder, path, own, options))) return holder;
      await putAside(path, holder);
    }
    return undefined;
  } catch (cause) {
    throw outputError(path, cause);
  } finally {
    await rm(own, { force: true }).catch(() => undefined);
  }
}

/** Who has the lock, where somebody has who may live. */
export async function lockHolder(path: string): Promise<Holder | undefined> {
  const holder = await readHolder(path);
  return holder && (await mayLive(holder)) ? holder : undefined;
}

export const releaseLock = (path: string): Promise<void> => rm(path, { force: true });

/** Says to other hosts that its holder lives. */
export async function freshenLock(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => undefined);
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    // Not every file system has links.
    await link(from, to).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') throw error;
      return copyFile(from, to, constants.COPYFILE_EXCL);
    });
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Whoever has the lock removes what others have begun.
    if (code === 'EEXIST' || code === 'ENOENT') return false;
    throw error;
  }
}

/** Removes a dead process's lock. Where another has taken it over meanwhile, what was moved away is its lock, which is put back. */
async function putAside(path: string, dead: Holder | undefined): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  await rename(path, aside).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  const moved = await readHolder(aside);
  if (moved && JSON.stringify(moved) !== JSON.stringify(dead)) await linked(aside, path);
  await rm(aside, { force: true });
}

async function readHolder(path: string): Promise<Holder | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '');
  try {
    return Holder.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Of another host nothing is known. */
async function mayLive({ host, pid, born }: Holder): Promise<boolean> {
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  // The number may be another process's by now, and ours after a container's restart.
  return born === undefined || born === (await birthOf(pid));
}

/** Whether a lock of another host is older than it may be, by the clock of the file system: that of a file written just now. */
async function isStale({ host }: Holder, path: string, written: string, { staleAfter }: LockOptions): Promise<boolean> {
  if (staleAfter === undefined || host === hostname()) return false;
  const [lock, now] = await Promise.all([path, written].map((file) => stat(file).catch(() => undefined)));
  return lock !== undefined && now !== undefined && now.mtimeMs - lock.mtimeMs > staleAfter;
}

/** When a process began, in ticks since the system did; known on Linux. */
async function birthOf(pid: number): Promise<string | undefined> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return line.slice(line.lastIndexOf(')') + 2).split(' ')[19];
}
