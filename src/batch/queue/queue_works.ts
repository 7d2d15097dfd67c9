import { extname, join, resolve } from 'node:path';
import { findModel } from '../../checkpoint/embedded_models.js';
import { cachedModel } from '../../checkpoint/hugging_face_cache.js';
import { LatinoError } from '../../errors.js';
import { sha256 } from '../identity.js';
import type { ImageRecord } from '../journal.js';
import { type BatchSettings, commonSettings } from '../options.js';
import type { OutputFolder } from '../output_folder.js';
import type { Work } from '../plan.js';
import type { QueuedJob } from './job.js';
import type { Outcome } from './outcome.js';
import type { QueuedImage } from './producer.js';

/** A batch whose images travel. */
interface Travelling {
  readonly settings: BatchSettings & { readonly queue: NonNullable<BatchSettings['queue']> };
  readonly folder: OutputFolder;
}

/** An image of a batch on its way to a worker and back. */
export interface QueuedWork extends QueuedImage {
  readonly work: Work;
}

/**
 * What is to be restored, as it travels: operators and embeddings by their spelling and their path.
 *
 * @throws LatinoError ERR_LATINO_ARGUMENT when the operator or the embedding of all has none
 */
export async function* queueWorks(
  works: AsyncIterable<Work>,
  { settings, folder }: Travelling,
): AsyncGenerator<QueuedWork, void, undefined> {
  const { queue, model } = settings;
  const { operator, embedding, ...common } = commonSettings(settings);
  for (const [name, value, spelling] of [
    ['operator', operator, queue.operator],
    ['embedding', embedding, queue.embedding],
  ]) {
    if (value && !spelling)
      throw new LatinoError('ERR_LATINO_ARGUMENT', `Expected queue.${name} where all images have an ${name} but received nothing`);
  }
  const ofAll = {
    version: 1,
    temporaries: resolve(folder.temporaries),
    model: model && withoutPlace(model),
    settings: { ...common, operator: queue.operator, embedding: queue.embedding },
    settingsBase: process.cwd(),
  } as const;
  for await (const work of works) {
    const { id, entry, output, reference } = work;
    const path = resolve(join(folder.path, output));
    const data: QueuedJob = {
      ...ofAll,
      id,
      input: entry.path,
      output: path,
      reference: reference && resolve(reference),
      line: entry.line,
      lineBase: entry.base && resolve(entry.base),
    };
    // What is restored once for two outputs must be one file, held against one reference.
    const asked = `${id}\n${extname(path).toLowerCase()}\n${data.reference ?? ''}`;
    yield { id: sha256(asked).digest('hex'), output: path, data, work };
  }
}

/** The journal's line of an image that came back. */
export function recordOf({ id, entry, output, seed }: Work, { file: _, ...outcome }: Outcome): ImageRecord {
  return { kind: 'image', id, input: entry.path, output, seed, ...outcome };
}

/** Where a model lies, from anywhere; each worker knows best on what to run it. */
function withoutPlace({ model, loras, guidance, ...parts }: NonNullable<BatchSettings['model']>): QueuedJob['model'] {
  // A name, of an embedded model or in Hugging Face's cache, means the same everywhere.
  const placed = (path: string): string => (cachedModel(path) === undefined ? resolve(path) : path);
  const place = (path: string | undefined): string | undefined => (path === undefined ? undefined : placed(path));
  return {
    model: model === undefined || findModel(model).folder !== model ? model : placed(model),
    unet: place(parts.unet),
    vae: place(parts.vae),
    autoencoder: place(parts.autoencoder),
    textEncoder: place(parts.textEncoder),
    textEncoder2: place(parts.textEncoder2),
    loras: loras?.map((lora) => (typeof lora === 'string' ? placed(lora) : { ...lora, path: placed(lora.path) })),
    guidance,
  };
}
