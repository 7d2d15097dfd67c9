import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { LatinoError } from '../errors.js';
import { outputError } from '../output_file.js';
import type { Hub } from './hub.js';
import type { Repository, RepositoryFile } from './repository.js';
import { Transient, withRetries } from './retries.js';

/** Tries without a single new byte. */
const TRIES = 8;

/** What a file that is being downloaded is called: not as Python's library calls its own, which writes to them without asking us. */
export const partialPath = (blobPath: string): string => `${blobPath}.latino.incomplete`;

/** The hash by which the hub knows a file, to be fed with its bytes. */
export function startHash({ algorithm, size }: RepositoryFile): Hash {
  const hash = createHash(algorithm);
  return algorithm === 'sha1' ? hash.update(`blob ${size}\0`) : hash;
}

export interface BlobDownload {
  readonly hub: Hub;
  readonly repository: Repository;
  readonly file: RepositoryFile;
  /** Where it is to lie. */
  readonly blobPath: string;
  /** Called with the bytes of it that are here. */
  readonly onBytes: (bytes: number) => void;
}

/**
 * Downloads a file to where its blob lies in the cache. What an earlier attempt has left is gone on from; whatever stops this one, what is here
 * stays for the next. The blob appears whole, once its hash is the one that the hub states.
 *
 * @throws LatinoError ERR_LATINO_DOWNLOAD when the connection fails for good or the content is not what the hub says, ERR_LATINO_OUTPUT when it
 * cannot be written; the signal's reason on abort
 */
export async function downloadBlob({ hub, repository, file, blobPath, onBytes }: BlobDownload): Promise<void> {
  await mkdir(dirname(blobPath), { recursive: true });
  const partial = await PartialBlob.open(blobPath, file);
  try {
    for (let isAllNew = partial.length === 0; ; isAllNew = true) {
      await withRetries(async (advanced) => {
        for await (const length of receive(hub, repository, partial)) {
          advanced();
          onBytes(length);
        }
      }, hub.retries(TRIES));
      if (partial.isRight()) break;
      await partial.restart();
      // What lay here before may be damaged, by a failure of power say: then everything comes anew, once.
      if (isAllNew) throw wrongContent(hub, repository, file);
    }
    await partial.finish();
  } finally {
    await partial.close();
  }
}

/** Adds to a file what it lacks; yields its length as it grows. */
async function* receive(hub: Hub, { commit }: Repository, partial: PartialBlob): AsyncGenerator<number> {
  const { file } = partial;
  if (partial.length === file.size) return;
  const { from, chunks } = await hub.download(file.path, commit, partial.length);
  if (from !== partial.length) await partial.restart();
  if (from !== partial.length) throw new Transient(`Expected ${file.path} from byte 0 but received it from byte ${from}`);
  for await (const chunk of chunks) {
    // More than the hub says is certainly wrong, and could fill the disk.
    await partial.append(chunk.subarray(0, file.size - partial.length));
    yield partial.length;
    if (partial.length === file.size) return;
  }
  throw new Transient(`Expected ${file.size} bytes of ${file.path} but the connection ended after ${partial.length}`);
}

function wrongContent({ url }: Hub, { name }: Repository, { path, algorithm, hash }: RepositoryFile): LatinoError {
  return new LatinoError(
    'ERR_LATINO_DOWNLOAD',
    `Expected ${path} of ${name} from ${url} with the ${algorithm === 'sha256' ? 'SHA-256' : 'git hash'} ${hash} but its content has another; nothing of it was kept`,
  );
}

/** A file that is not here entirely, with the hash of what is. */
class PartialBlob {
  length = 0;
  private hash: Hash;

  private constructor(
    readonly file: RepositoryFile,
    private readonly blobPath: string,
    private readonly handle: FileHandle,
  ) {
    this.hash = startHash(file);
  }

  static async open(blobPath: string, file: RepositoryFile): Promise<PartialBlob> {
    const path = partialPath(blobPath);
    try {
      const partial = new PartialBlob(file, blobPath, await open(path, 'a'));
      if ((await stat(path)).size > file.size) await partial.handle.truncate(0);
      for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 }) as AsyncIterable<Buffer>) {
        partial.hash.update(chunk);
        partial.length += chunk.length;
      }
      return partial;
    } catch (cause) {
      throw outputError(path, cause);
    }
  }

  /** Whether it is whole, and what the hub says it is. */
  isRight(): boolean {
    return this.length === this.file.size && this.hash.copy().digest('hex') === this.file.hash;
  }

  async append(bytes: Uint8Array): Promise<void> {
    await this.attempt(() => this.handle.appendFile(bytes));
    this.hash.update(bytes);
    this.length += bytes.length;
  }

  async restart(): Promise<void> {
    await this.attempt(() => this.handle.truncate(0));
    this.hash = startHash(this.file);
    this.length = 0;
  }

  async finish(): Promise<void> {
    await this.attempt(async () => {
      await this.handle.sync();
      await rename(partialPath(this.blobPath), this.blobPath);
    });
  }

  async close(): Promise<void> {
    await this.handle.close();
    if (this.length === 0) await rm(partialPath(this.blobPath), { force: true });
  }

  private async attempt(change: () => Promise<void>): Promise<void> {
    try {
      await change();
    } catch (cause) {
      throw outputError(partialPath(this.blobPath), cause);
    }
  }
}
