import { LatinoError } from '../errors.js';
import type { Hub } from './hub.js';

/** A file of a model on the hub, and how to know it. */
export interface RepositoryFile {
  readonly path: string;
  readonly size: number;
  /** Of large files SHA-256; of small ones what git calls them: SHA-1 over a header and the content. */
  readonly algorithm: 'sha256' | 'sha1';
  /** The hash in hexadecimal digits, which is the name of the file's blob in the cache, too. */
  readonly hash: string;
}

/** A model on the hub at one commit. */
export interface Repository {
  readonly name: string;
  readonly commit: string;
  readonly files: ReadonlyMap<string, RepositoryFile>;
}

/**
 * What the hub has of a model at a branch, a tag or a commit.
 *
 * @throws LatinoError ERR_LATINO_MODEL when there is no such model or revision, or it may not be seen; ERR_LATINO_DOWNLOAD
 */
export async function openRepository(hub: Hub, name: string, revision: string): Promise<Repository> {
  // Loaded where it is needed: it would make every start a tenth of a second longer.
  const { listFiles, modelInfo } = await import('@huggingface/hub');
  const where = { hubUrl: hub.url, fetch: hub.fetch };
  try {
    const { sha } = await modelInfo({ ...where, name, revision, additionalFields: ['sha'] });
    if (!/^[0-9a-f]{40}$/.test(sha)) throw new TypeError(`the commit ${sha}`);
    const files = new Map<string, RepositoryFile>();
    for await (const { type, path, size, oid, lfs } of listFiles({ ...where, repo: name, revision: sha, recursive: true })) {
      if (type !== 'file') continue;
      const hash = lfs?.oid ?? oid ?? '';
      // Both become names of files.
      if (path.split('/').some((part) => /^\.{0,2}$/.test(part))) throw new TypeError(`the path ${path}`);
      if (!(lfs ? /^[0-9a-f]{64}$/ : /^[0-9a-f]{40}$/).test(hash)) throw new TypeError(`the hash ${hash} of ${path}`);
      files.set(path, { path, size: lfs?.size ?? size, algorithm: lfs ? 'sha256' : 'sha1', hash });
    }
    return { name, commit: sha, files };
  } catch (cause) {
    // Where the answer is not the hub's, the client fails on its shape.
    if (!(cause instanceof TypeError || cause instanceof SyntaxError)) throw cause;
    throw new LatinoError(
      'ERR_LATINO_DOWNLOAD',
      `Expected Hugging Face's API at ${hub.url} but it answered otherwise for ${name} (${cause.message})`,
      { cause },
    );
  }
}
