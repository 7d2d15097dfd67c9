import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { LatinoError } from '../errors.js';

/** `organisation/model` as Hugging Face names models, perhaps with `@revision` and `/file.safetensors`. */
const NAME = /^([\w.-]+\/[\w.-]+)(?:@([\w.-]+(?:\/[\w.-]+)*?))?(?:\/((?:[\w.-]+\/)*[\w.-]+\.safetensors))?$/;
const WEIGHTS = /\.(safetensors|bin|pt|pth|ckpt|pkl)$/;
const MAIN = 'main';

/** A model of Hugging Face's hub, and what of it. */
export interface ModelName {
  /** `organisation/model`. */
  readonly name: string;
  /** A branch, a tag or a commit; main where nothing is said. */
  readonly revision?: string;
  readonly file?: string;
}

/** What such a name consists of; nothing where the text is none. */
export function parseModelName(text: string): ModelName | undefined {
  const [, name, revision, file] = NAME.exec(text) ?? [];
  // `..` leads out of the cache, and `folder/weights.safetensors` is a path.
  if (name === undefined || text.split(/[/@]/).some((part) => /^\.*$/.test(part)) || WEIGHTS.test(name)) return undefined;
  return { name, revision, file };
}

/** Where Hugging Face's libraries keep their settings, as their environment variables say. */
export function hubHome(): string {
  const { HF_HOME, XDG_CACHE_HOME } = process.env;
  return HF_HOME || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'huggingface');
}

/** Where they keep what they have downloaded. */
export const cacheFolder = (): string => process.env.HF_HUB_CACHE || process.env.HUGGINGFACE_HUB_CACHE || join(hubHome(), 'hub');

/** The folder in the cache for a model of this name, whether or not it is there. */
export const modelFolder = (name: string): string => join(cacheFolder(), `models--${name.replace('/', '--')}`);

/**
 * The folder that a path or a name stands for: the snapshot of `main` where it is a model's folder in Hugging Face's cache, or what the name of a
 * model that is there says; any other path as it is.
 *
 * @throws LatinoError ERR_LATINO_MODEL when it is the name of a model that is not there, or the cache has the model but not what is asked of it
 */
export async function resolveModelFolder(pathOrName: string): Promise<string> {
  const path = resolve(pathOrName);
  if (existsSync(join(path, 'snapshots'))) return snapshotOf(path);
  const asked = parseModelName(pathOrName);
  if (!asked || existsSync(path)) return path;
  const cached = cachedModel(pathOrName);
  if (cached === undefined) {
    throw new LatinoError(
      'ERR_LATINO_MODEL',
      `Expected a model at ${path} but it does not exist, nor does ${pathOrName} in Hugging Face's cache; ${downloadCommand(asked)} downloads it`,
    );
  }
  const snapshot = await snapshotOf(cached, asked);
  const found = asked.file === undefined ? snapshot : join(snapshot, asked.file);
  if (existsSync(found)) return found;
  throw new LatinoError('ERR_LATINO_MODEL', `Expected a file ${found} but it does not exist; ${downloadCommand(asked)} downloads it`);
}

/** The folder in the cache of a model of this name, where it is there, and the name is not a path that is, too. */
export function cachedModel(text: string): string | undefined {
  const asked = parseModelName(text);
  if (!asked || existsSync(text)) return undefined;
  const folder = modelFolder(asked.name);
  return existsSync(join(folder, 'snapshots')) ? folder : undefined;
}

/** A model in the cache, as one commit has it. */
export interface CachedSnapshot {
  readonly name: string;
  readonly revision: string;
  /** Branches and tags that are this commit. */
  readonly refs: readonly string[];
  readonly path: string;
}

/** All models in the cache, by name. */
export async function cachedSnapshots(): Promise<CachedSnapshot[]> {
  const names = (await namesIn(cacheFolder())).flatMap((folder) => /^models--([\w.-]+)--([\w.-]+)$/.exec(folder)?.slice(1).join('/') ?? []);
  return (await Promise.all(names.sort().map(snapshotsOf))).flat();
}

async function snapshotsOf(name: string): Promise<CachedSnapshot[]> {
  const [snapshots, refs] = [join(modelFolder(name), 'snapshots'), join(modelFolder(name), 'refs')];
  const refNames = await readdir(refs, { recursive: true }).catch(() => []);
  const commits = await Promise.all(refNames.map(async (ref) => [ref, await readRef(refs, ref)] as const));
  return (await namesIn(snapshots)).map((revision) => ({
    name,
    revision,
    refs: commits.flatMap(([ref, commit]) => (commit === revision ? ref : [])),
    path: join(snapshots, revision),
  }));
}

const namesIn = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);

const readRef = (refs: string, ref: string): Promise<string | undefined> =>
  readFile(join(refs, ref), 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  );

async function snapshotOf(model: string, asked?: ModelName): Promise<string> {
  const snapshots = join(model, 'snapshots');
  const wanted = asked?.revision ?? MAIN;
  if (asked?.revision !== undefined && existsSync(join(snapshots, wanted))) return join(snapshots, wanted);
  const commit = await readRef(join(model, 'refs'), wanted);
  // Without a reference, as some tools leave it, there is no doubt only where there is one snapshot.
  const [revision, ...others] = commit === undefined && wanted === MAIN ? await readdir(snapshots) : [commit];
  const isClear = revision !== undefined && others.length === 0 && /^[\w-]+$/.test(revision);
  if (isClear && existsSync(join(snapshots, revision))) return join(snapshots, revision);
  const count = others.length + (revision === undefined ? 0 : 1);
  const found = commit === undefined ? `${count} snapshots and no refs/${wanted}` : `no snapshot ${commit}`;
  const advice = asked ? `; ${downloadCommand(asked)} downloads it` : '';
  throw new LatinoError('ERR_LATINO_MODEL', `Expected a downloaded snapshot of ${wanted} in ${model} but found ${found}${advice}`);
}

function downloadCommand({ name, revision, file }: ModelName): string {
  return `latino-native pull ${name}${revision === undefined ? '' : `@${revision}`}${file === undefined ? '' : ` --file ${file}`}`;
}
