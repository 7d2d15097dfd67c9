import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { LatinoError } from '../errors.js';

/** `organisation/model`, as Hugging Face names models. */
const NAME = /^[\w.-]+\/[\w.-]+$/;

/** Where Hugging Face's libraries keep what they have downloaded, as their environment variables say. */
function cacheFolder(): string {
  const { HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME } = process.env;
  return HF_HUB_CACHE || join(HF_HOME || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'huggingface'), 'hub');
}

/**
 * The folder that a path or a name stands for: the snapshot of `main` where it is a model's folder in Hugging Face's cache, or the name of a
 * model that is there; any other path as it is.
 *
 * @throws LatinoError ERR_LATINO_MODEL when the cache has the model, but no snapshot of it
 */
export async function resolveModelFolder(pathOrName: string): Promise<string> {
  const path = resolve(pathOrName);
  if (existsSync(join(path, 'snapshots'))) return snapshotOf(path);
  const cached = cachedModel(pathOrName);
  return cached === undefined ? path : snapshotOf(cached);
}

/** The folder in the cache of a model of this name, where it is there, and the name is not a path that is, too. */
export function cachedModel(name: string): string | undefined {
  if (!NAME.test(name) || existsSync(name)) return undefined;
  const folder = join(cacheFolder(), `models--${name.replace('/', '--')}`);
  return existsSync(join(folder, 'snapshots')) ? folder : undefined;
}

async function snapshotOf(model: string): Promise<string> {
  const snapshots = join(model, 'snapshots');
  const main = await readFile(join(model, 'refs', 'main'), 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  );
  // Without a reference, as some tools leave it, there is no doubt only where there is one snapshot.
  const [revision, ...others] = main === undefined ? await readdir(snapshots) : [main];
  const isClear = revision !== undefined && others.length === 0 && /^[\w-]+$/.test(revision);
  if (isClear && existsSync(join(snapshots, revision))) return join(snapshots, revision);
  const found =
    main === undefined ? `${others.length + (revision === undefined ? 0 : 1)} snapshots and no refs/main` : `no snapshot ${main}`;
  throw new LatinoError('ERR_LATINO_MODEL', `Expected a downloaded snapshot of main in ${model} but found ${found}`);
}
