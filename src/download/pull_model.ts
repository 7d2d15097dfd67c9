import { z } from 'zod';
import { openDiffusersFolder } from '../checkpoint/diffusers_folder.js';
import { EMBEDDED_MODELS } from '../checkpoint/embedded_models.js';
import { type ModelName, parseModelName, resolveModelFolder } from '../checkpoint/hugging_face_cache.js';
import { LORA_FILE } from '../checkpoint/lora.js';
import type { Variant } from '../checkpoint/weights_folder.js';
import { LatinoError } from '../errors.js';
import { filesIn, totalSize } from '../folder_files.js';
import { type ModelSummary, summariseFiles, summariseModel } from '../model_summary.js';
import { readPart, readStructure } from '../prior/model_structure.js';
import { parseOptions, show } from '../schema.js';
import { downloadBlob } from './blob.js';
import { Hub } from './hub.js';
import { accessToken, hubUrl, isOffline } from './hub_environment.js';
import { ModelCache } from './model_cache.js';
import { lockModel } from './model_lock.js';
import { configFiles, type Kind, kindOf, namedFile, weightFiles } from './needed_files.js';
import { openRepository, type Repository, type RepositoryFile } from './repository.js';
import { Staging } from './staging.js';

/** How far a download is. */
export interface PullProgress {
  /** The file that is being downloaded, as the repository names it. */
  readonly file: string;
  /** Bytes of all files that are here, and that they have. */
  readonly bytes: number;
  readonly totalBytes: number;
}

const callback = <Argument>() => z.custom<(argument: Argument) => void>((value) => typeof value === 'function', 'a function');

export const PullOptions = z.strictObject({
  /** `fp16` (default): weights in half precision where the model has them so, half as much to download and to read; `full`: as they were trained. */
  variant: z.enum(['fp16', 'full']).optional(),
  /** Files by name and nothing else, for repositories of weights that are no diffusers model, such as DMD2. */
  files: z.array(z.string()).readonly().optional(),
  /** Called as bytes arrive. */
  onProgress: callback<PullProgress>().optional(),
  /** Called where another process downloads this model, whose end is waited for, with a word for it. */
  onWait: callback<string>().optional(),
  /** Stops the download; what has arrived is kept, and the next goes on from there. */
  signal: z.instanceof(AbortSignal, { error: 'an AbortSignal' }).optional(),
});
export type PullOptions = Readonly<z.input<typeof PullOptions>>;

/** A model that is in the cache now. */
export interface PulledModel extends ModelSummary {
  readonly name: string;
  /** The folder of its files. */
  readonly path: string;
  /** The commit; not known offline. */
  readonly revision?: string;
  /** Of what a restoration needs. */
  readonly files: readonly string[];
  readonly bytes: number;
  /** Those that were not here before. */
  readonly downloadedBytes: number;
}

/**
 * Downloads what a restoration needs of a model on Hugging Face's hub, and nothing else, to where `Latino.load({ model: name })` and Hugging Face's
 * own libraries look for it. A model that cannot be used is refused by its configurations, before its weights are downloaded.
 *
 * The environment says the rest, as to Hugging Face's libraries: HF_ENDPOINT, HF_TOKEN, HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE.
 *
 * @param model `organisation/name`, or `organisation/name@revision`
 * @throws LatinoError ERR_LATINO_ARGUMENT, ERR_LATINO_MODEL when there is no such model, it may not be read or cannot be used, ERR_LATINO_DOWNLOAD
 * when the network or the hub fails, ERR_LATINO_OUTPUT when the cache cannot be written; the signal's reason on abort
 */
export async function pullModel(model: string, options: PullOptions = {}): Promise<PulledModel> {
  const asked = requireName(model);
  const parsed = parseOptions(PullOptions, options, { code: 'ERR_LATINO_ARGUMENT', what: 'options of pullModel' });
  const { variant = 'fp16', onProgress = () => undefined, onWait = () => undefined, signal } = parsed;
  const named = parsed.files ?? (asked.file === undefined ? [] : [asked.file]);
  signal?.throwIfAborted();
  if (isOffline()) return findOffline(asked, named);
  await using _lock = await lockModel(asked.name, { signal, onWait });
  const hub = new Hub(asked.name, { url: hubUrl(), token: await accessToken(), signal });
  const { revision = 'main' } = asked;
  const repository = await openRepository(hub, asked.name, revision);
  const cache = new ModelCache(repository);
  await using staging = await Staging.open(hub, repository, cache);
  const weights = await neededWeights(repository, staging, named, variant);
  const files = [...new Map([...staging.files, ...weights].map((file) => [file.path, file])).values()];
  const downloadedBytes = await downloadAll(hub, repository, cache, files, staging, onProgress);
  await cache.link(files, revision);
  const summary = await summarise(cache.snapshot, named);
  if (summary.problem !== undefined)
    throw new LatinoError('ERR_LATINO_MODEL', `${asked.name} was downloaded to ${cache.snapshot} but cannot be used: ${summary.problem}`);
  const paths = files.map(({ path }) => path).sort();
  const { name } = asked;
  return { name, path: cache.snapshot, revision: repository.commit, ...summary, files: paths, bytes: totalSize(files), downloadedBytes };
}

const summarise = (path: string, named: readonly string[]): Promise<ModelSummary> =>
  named.length > 0 ? summariseFiles(path, named) : summariseModel(path);

function requireName(model: string): ModelName {
  const asked = typeof model === 'string' ? parseModelName(model) : undefined;
  if (asked) return asked;
  const isEmbedded = EMBEDDED_MODELS.includes(model);
  const received = isEmbedded ? `'${model}', which is embedded and needs no download` : show(model);
  throw new LatinoError(
    'ERR_LATINO_ARGUMENT',
    `Expected organisation/name or organisation/name@revision for model but received ${received}`,
  );
}

/** Looks at the configurations, and says which weights go with them. @throws LatinoError ERR_LATINO_MODEL when they cannot be used */
async function neededWeights(
  repository: Repository,
  staging: Staging,
  named: readonly string[],
  variant: Variant,
): Promise<RepositoryFile[]> {
  const kind: Kind = named.length > 0 ? 'files' : kindOf(repository);
  await staging.addAll(configFiles(repository, kind));
  const ofFolder = (folder: string) => weightFiles(repository, folder, variant, (file) => staging.readJson(file));
  switch (kind) {
    case 'files':
      return named.map((path) => namedFile(repository, path));
    case 'lora':
      return [namedFile(repository, LORA_FILE)];
    case 'part':
      await staging.inspect(readPart);
      return ofFolder('');
    case 'model': {
      const { family } = await staging.inspect(async (folder) => readStructure(await openDiffusersFolder(folder)));
      const parts = ['unet', 'vae', ...family.textEncoders.map(({ component }) => component)];
      return (await Promise.all(parts.map(ofFolder))).flat();
    }
  }
}

/** @returns the bytes that were not here before */
async function downloadAll(
  hub: Hub,
  repository: Repository,
  cache: ModelCache,
  files: readonly RepositoryFile[],
  staging: Staging,
  onProgress: (progress: PullProgress) => void,
): Promise<number> {
  const here = await Promise.all(files.map((file) => cache.bytesOf(file)));
  const totalBytes = totalSize(files);
  const missing = totalBytes - here.reduce((sum, bytes) => sum + bytes, 0);
  await cache.requireRoom(missing);
  await staging.keep();
  const arrived = new Map(files.map((file, i) => [file, cache.has(file) ? file.size : here[i]!]));
  const show = (file: RepositoryFile, bytes: number): void => {
    arrived.set(file, bytes);
    onProgress({ file: file.path, bytes: [...arrived.values()].reduce((sum, each) => sum + each, 0), totalBytes });
  };
  // One after the other: one connection to the hub's servers is as fast as most networks are.
  for (const file of files) {
    if (!cache.has(file))
      await downloadBlob({ hub, repository, file, blobPath: cache.blobPath(file), onBytes: (bytes) => show(file, bytes) });
  }
  return missing;
}

/** What is here of a model, where nothing may be asked of the network. */
async function findOffline(asked: ModelName, named: readonly string[]): Promise<PulledModel> {
  const { name, revision } = asked;
  const missing = (why: string, cause?: unknown): LatinoError =>
    new LatinoError('ERR_LATINO_MODEL', `Expected ${name} in Hugging Face's cache, as HF_HUB_OFFLINE is set, but ${why}`, { cause });
  const path = await resolveModelFolder(revision === undefined ? name : `${name}@${revision}`).catch((cause: unknown) => {
    throw missing('it is not there; download it where there is a network, and copy the cache', cause);
  });
  const summary = await summarise(path, named);
  if (summary.problem !== undefined) throw missing(`what is there cannot be used: ${summary.problem}`);
  const files = await filesIn(path);
  const paths = files.map((file) => file.path);
  return { name, path, ...summary, files: paths, bytes: totalSize(files), downloadedBytes: 0 };
}
