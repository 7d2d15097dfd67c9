import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { LatinoError } from './errors.js';

/** Characters of the name that a temporary one begins with: with the rest of it, it is no longer than file systems allow. */
const LONGEST_NAME = 48;

/**
 * Throws now what writing to this path would throw after the work is done.
 *
 * @throws LatinoError ERR_LATINO_OUTPUT
 */
export async function assertFileWritable(path: string): Promise<void> {
  try {
    if (!(await stat(dirname(path))).isDirectory()) throw Object.assign(new Error('it is no folder'), { code: 'ENOTDIR' });
    await access(dirname(path), constants.W_OK | constants.X_OK);
    const existing = await stat(path).catch(() => undefined);
    if (existing?.isDirectory()) throw Object.assign(new Error('it is a folder'), { code: 'EISDIR' });
    if (existing) await access(path, constants.W_OK);
  } catch (cause) {
    throw outputError(path, cause);
  }
}

/**
 * Writes to a temporary name in the same folder, or in another of the same file system, then renames.
 *
 * @throws LatinoError ERR_LATINO_OUTPUT
 */
export async function writeWhole(path: string, bytes: Uint8Array, temporaries = dirname(path)): Promise<void> {
  const temporary = join(temporaries, `.${basename(path).slice(0, LONGEST_NAME)}.${randomUUID()}.tmp`);
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw outputError(path, cause);
  }
}

/** Makes what was renamed into a folder outlive a failure of power. Where folders cannot be synced, as on Windows, nothing is done. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder).catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'there is no permission to write there',
  EPERM: 'there is no permission to write there',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EFBIG: 'the file would be larger than a limit allows',
  EDQUOT: 'the disk quota is used up',
  ENOENT: 'its folder does not exist',
  ENOTDIR: 'its folder is not a folder',
  EISDIR: 'it is a folder',
};

/** What the file system says of a path that was to be written, in a sentence. */
export function outputError(path: string, cause: unknown): LatinoError {
  const { code, message } = cause as NodeJS.ErrnoException;
  return new LatinoError('ERR_LATINO_OUTPUT', `Cannot write ${path}: ${REASONS[code ?? ''] ?? message}`, { cause });
}
