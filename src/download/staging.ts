import { mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { LatinoError } from '../errors.js';
import { downloadBlob } from './blob.js';
import type { Hub } from './hub.js';
import type { ModelCache } from './model_cache.js';
import type { Repository, RepositoryFile } from './repository.js';

/** What no configuration, vocabulary or index of shards comes near. */
const MOST_BYTES = 64 * 2 ** 20;

/** A model's small files in a folder of their own, where they can be looked at before anything is in the cache. */
export class Staging implements AsyncDisposable {
  private readonly staged = new Map<string, RepositoryFile>();

  private constructor(
    readonly folder: string,
    private readonly hub: Hub,
    private readonly repository: Repository,
    private readonly cache: ModelCache,
  ) {}

  static async open(hub: Hub, repository: Repository, cache: ModelCache): Promise<Staging> {
    return new Staging(await mkdtemp(join(tmpdir(), 'latino-pull-')), hub, repository, cache);
  }

  get files(): RepositoryFile[] {
    return [...this.staged.values()];
  }

  /** @throws LatinoError as `downloadBlob` does, and ERR_LATINO_MODEL when the file is not small */
  async add(file: RepositoryFile): Promise<void> {
    const { path, size } = file;
    const { name } = this.repository;
    if (size > MOST_BYTES)
      throw new LatinoError('ERR_LATINO_MODEL', `Expected at most ${MOST_BYTES} bytes of ${name}/${path} but it has ${size}`);
    const place = join(this.folder, path);
    await mkdir(dirname(place), { recursive: true });
    if (this.cache.has(file)) await symlink(this.cache.blobPath(file), place);
    else await downloadBlob({ hub: this.hub, repository: this.repository, file, blobPath: place, onBytes: () => undefined });
    this.staged.set(path, file);
  }

  /** The same for several, side by side. */
  async addAll(files: readonly RepositoryFile[]): Promise<void> {
    // None is on its way any more when one has failed and the folder is removed.
    for (const outcome of await Promise.allSettled(files.map((file) => this.add(file))))
      if (outcome.status === 'rejected') throw outcome.reason;
  }

  async readJson(file: RepositoryFile): Promise<unknown> {
    await this.add(file);
    try {
      return JSON.parse(await readFile(join(this.folder, file.path), 'utf8'));
    } catch (cause) {
      throw new LatinoError('ERR_LATINO_MODEL', `Expected JSON in ${this.repository.name}/${file.path} but it does not parse`, { cause });
    }
  }

  /** What `look` says of the folder, which its errors name as the model's. */
  async inspect<T>(look: (folder: string) => Promise<T>): Promise<T> {
    try {
      return await look(this.folder);
    } catch (error) {
      if (!(error instanceof LatinoError)) throw error;
      const message = error.message.replaceAll(this.folder, this.repository.name);
      throw new LatinoError(error.code, `${this.repository.name} cannot be used, and was not downloaded: ${message}`, { cause: error });
    }
  }

  /** Puts all of them into the cache. */
  async keep(): Promise<void> {
    for (const file of this.files) if (!this.cache.has(file)) await this.cache.keep(file, await readFile(join(this.folder, file.path)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
