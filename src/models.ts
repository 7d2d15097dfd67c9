import { DEFAULT_MODEL, EMBEDDED_MODELS, embeddedModelFolder } from './checkpoint/embedded_models.js';
import { cachedSnapshots } from './checkpoint/hugging_face_cache.js';
import { filesIn, totalSize } from './folder_files.js';
import { machineMemory } from './machine_memory.js';
import { type ModelSummary, summariseModel } from './model_summary.js';

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
  const cached = (await cachedSnapshots()).map(({ name, revision, refs, path }) => {
    // `main` is what a name stands for.
    const asked = refs.includes('main') ? name : `${name}@${refs[0] ?? revision}`;
    return describe({ name: asked, source: 'cache', revision, refs, path, isDefault: false });
  });
  return Promise.all([...embedded, ...cached]);
}

async function describe(model: Omit<ListedModel, 'bytes' | 'fits' | 'kind'>): Promise<ListedModel> {
  const [summary, files] = await Promise.all([summariseModel(model.path), filesIn(model.path)]);
  const { memory } = summary;
  return { ...model, bytes: totalSize(files), ...summary, fits: memory === undefined ? undefined : memory <= machineMemory() };
}
