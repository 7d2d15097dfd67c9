import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DEFAULT_MODEL, EMBEDDED_MODELS, embeddedModelFolder } from './checkpoint/embedded_models.js';
import { type CachedSnapshot, cachedSnapshots } from './checkpoint/hugging_face_cache.js';
import { filesIn, totalSize } from './folder_files.js';
import { machineMemory } from './machine_memory.js';
import { looseWeights, type ModelSummary, summariseFiles, summariseModel } from './model_summary.js';

/** A model that is on this machine. */
export interface ListedModel extends ModelSummary {
  /** What `Latino.load` takes for `model`, or for the part that it is. */
  readonly name: string;
  readonly source: 'embedded' | 'cache';
  /** Of the cache: a commit, and the branches and tags that are it. */
  readonly revision?: string;
  readonly refs?: readonly string[];
  readonly path: string;
  /** Of all its files. */
  readonly bytes: number;
  readonly isDefault: boolean;
  /** Whether the memory that it needs is no more than this machine, or this container, has. */
  readonly fits?: boolean;
}

/** The embedded models and those in Hugging Face's cache, whoever downloaded them, usable or not. */
export async function listModels(): Promise<ListedModel[]> {
  const embedded = EMBEDDED_MODELS.map((name) =>
    describe({ name, source: 'embedded', path: embeddedModelFolder(name), isDefault: name === DEFAULT_MODEL }),
  );
  const cached = await Promise.all((await cachedSnapshots()).map(describeSnapshot));
  return [...(await Promise.all(embedded)), ...cached.flat()];
}

/** A model in the cache; of a repository of loose weights, each whole checkpoint by itself and what else there is together. */
async function describeSnapshot({ name, revision, refs, path }: CachedSnapshot): Promise<ListedModel[]> {
  // `main` is what a name stands for.
  const asked = refs.includes('main') ? name : `${name}@${refs[0] ?? revision}`;
  const common = { source: 'cache', revision, refs, isDefault: false } as const;
  const loose = await looseWeights(path);
  const summaries = await Promise.all(loose.map(async (file) => ({ file, summary: await summariseFiles(path, [file]) })));
  const whole = summaries.filter(({ summary }) => summary.kind === 'model');
  if (whole.length === 0) return [await describe({ ...common, name: asked, path })];
  const rest = loose.filter((file) => !whole.some((each) => each.file === file));
  const models = whole.map(async ({ file, summary }) =>
    listed({ ...common, name: `${asked}/${file}`, path: join(path, file) }, summary, (await stat(join(path, file))).size),
  );
  const sizes = await filesIn(path);
  const restBytes = totalSize(sizes.filter((file) => rest.includes(file.path)));
  const others = rest.length > 0 ? [listed({ ...common, name: asked, path }, await summariseFiles(path, rest), restBytes)] : [];
  return [...(await Promise.all(models)), ...others];
}

async function describe(model: Unsummarised): Promise<ListedModel> {
  const [summary, files] = await Promise.all([summariseModel(model.path), filesIn(model.path)]);
  return listed(model, summary, totalSize(files));
}

type Unsummarised = Omit<ListedModel, 'bytes' | 'fits' | 'kind'>;

const listed = (model: Unsummarised, summary: ModelSummary, bytes: number): ListedModel => ({
  ...model,
  bytes,
  ...summary,
  fits: summary.memory === undefined ? undefined : summary.memory <= machineMemory(),
});
