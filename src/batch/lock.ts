import { randomUUID } from 'node:crypto';
import { constants, copyFile, link, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { LatinoError } from '../errors.js';
import { outputError } from '../output_file.js';
import { type Share, stemOf } from './share.js';

const Holder = z.object({ host: z.string(), pid: z.int(), born: z.string().optional(), since: z.string() });
type Holder = z.output<typeof Holder>;

const LOCK = /^latino-batch(?:\.(\d+)-of-(\d+))?\.lock$/;

/**
 * The right to write an output folder, or one share of it. A lock that a dead process of this host left is taken over.
 *
 * @throws LatinoError ERR_LATINO_OUTPUT when another process, or one of another host, writes there
 */
export async function lockFolder(folder: string, share: Share): Promise<AsyncDisposable> {
  const name = `${stemOf(share)}.lock`;
  const path = join(folder, name);
  await take(path);
  const release = async (): Promise<void> => rm(path, { force: true });
  try {
    for (const other of await readdir(folder)) {
      // Of a process that was killed while it took it.
      if (other.startsWith(`${name}.`)) await rm(join(folder, other), { force: true });
      const [, , of] = LOCK.exec(other) ?? [];
      // Shares of one division do not overlap; those of two may.
      if (!LOCK.test(other) || other === name || (of !== undefined && Number(of) === share.of)) continue;
      const holder = await holderOf(join(folder, other));
      if (holder && (await mayLive(holder))) throw taken(join(folder, other), holder);
    }
  } catch (error) {
    await release();
    throw error;
  }
  return { [Symbol.asyncDispose]: release };
}

async function take(path: string): Promise<void> {
  const own = `${path}.${randomUUID()}`;
  const me: Holder = { host: hostname(), pid: process.pid, born: await birthOf(process.pid), since: new Date().toISOString() };
  try {
    await writeFile(own, `${JSON.stringify(me)}\n`, { flag: 'wx' });
    // A link appears with its content, or not at all.
    while (!(await linked(own, path))) {
      const holder = await holderOf(path);
      if (holder && (await mayLive(holder))) throw taken(path, holder);
      await putAside(path, holder);
    }
  } catch (cause) {
    throw cause instanceof LatinoError ? cause : outputError(path, cause);
  } finally {
    await rm(own, { force: true }).catch(() => undefined);
  }
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
  const moved = await holderOf(aside);
  if (moved && JSON.stringify(moved) !== JSON.stringify(dead)) await linked(aside, path);
  await rm(aside, { force: true });
}

async function holderOf(path: string): Promise<Holder | undefined> {
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

/** When a process began, in ticks since the system did; known on Linux. */
async function birthOf(pid: number): Promise<string | undefined> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return line.slice(line.lastIndexOf(')') + 2).split(' ')[19];
}

function taken(path: string, { host, pid, since }: Holder): LatinoError {
  const where = host === hostname() ? '' : ` of the host ${host}`;
  const advice = host === hostname() ? '' : `; delete ${path} if it has ended`;
  return new LatinoError(
    'ERR_LATINO_OUTPUT',
    `Expected the output folder for itself but process ${pid}${where} writes there since ${since}${advice}`,
  );
}
