import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, stat, statfs, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { byteSize } from '../byte_size.js';
import { modelFolder } from '../checkpoint/hugging_face_cache.js';
import { LatinoError } from '../errors.js';
import { outputError, writeWhole } from '../output_file.js';
import { partialPath } from './blob.js';
import type { Repository, RepositoryFile } from './repository.js';

/**
 * A model's folder in Hugging Face's cache: `blobs` by their hashes, a tree of links to them for each commit in `snapshots`, and in `refs` which
 * commit a branch or a tag is.
 */
export class ModelCache {
  readonly folder: string;

  constructor(private readonly repository: Repository) {
    this.folder = modelFolder(repository.name);
  }

  get snapshot(): string {
    return join(this.folder, 'snapshots', this.repository.commit);
  }

  blobPath({ hash }: RepositoryFile): string {
    return join(this.folder, 'blobs', hash);
  }

  /** A blob is there whole or not at all. */
  has(file: RepositoryFile): boolean {
    return existsSync(this.blobPath(file));
  }

  /** Bytes of it that are here, of a download that was stopped too. */
  async bytesOf(file: RepositoryFile): Promise<number> {
    if (this.has(file)) return file.size;
    const partial = await stat(partialPath(this.blobPath(file))).catch(() => undefined);
    return Math.min(partial?.size ?? 0, file.size);
  }

  /** @throws LatinoError ERR_LATINO_OUTPUT when there is less room than the bytes need */
  async requireRoom(bytes: number): Promise<void> {
    try {
      await mkdir(this.folder, { recursive: true });
      const { bavail, bsize } = await statfs(this.folder);
      if (bavail * bsize >= bytes) return;
      const [needed, free] = [byteSize(bytes), byteSize(bavail * bsize)];
      throw Object.assign(new Error(`${needed} are to be downloaded but only ${free} are free`), { code: 'ENOSPC' });
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      if (code !== 'ENOSPC') throw outputError(this.folder, cause);
      throw new LatinoError('ERR_LATINO_OUTPUT', `Cannot write ${this.folder}: ${message}; HF_HUB_CACHE names another place`, { cause });
    }
  }

  /** Keeps bytes that are known to be the file's. */
  async keep(file: RepositoryFile, bytes: Uint8Array): Promise<void> {
    await mkdir(join(this.folder, 'blobs'), { recursive: true });
    await writeWhole(this.blobPath(file), bytes);
  }

  /** Makes the files, whose blobs are there, the snapshot of the commit, and the commit that of the revision. */
  async link(files: readonly RepositoryFile[], revision: string): Promise<void> {
    try {
      for (const file of files) await this.linkFile(file);
      if (revision === this.repository.commit) return;
      const ref = join(this.folder, 'refs', revision);
      await mkdir(dirname(ref), { recursive: true });
      await writeWhole(ref, Buffer.from(this.repository.commit));
    } catch (cause) {
      throw cause instanceof LatinoError ? cause : outputError(this.snapshot, cause);
    }
  }

  private async linkFile(file: RepositoryFile): Promise<void> {
    const link = join(this.snapshot, file.path);
    if (existsSync(link)) return;
    await mkdir(dirname(link), { recursive: true });
    // A link that leads nowhere is replaced in one go.
    const temporary = `${link}.${randomUUID()}`;
    await symlink(relative(dirname(link), this.blobPath(file)), temporary);
    await rename(temporary, link);
  }
}
