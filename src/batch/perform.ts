import { DEFAULT_MODEL } from '../checkpoint/embedded_models.js';
import { Latino } from '../latino.js';
import { operatorName } from '../operators/index.js';
import type { CalibrationPass } from '../options.js';
import { packageVersion } from '../package_version.js';
import type { ManyInput, ManyResult } from '../scheduling/restore_many.js';
import { batchEmbedding, embeddingFile } from './calibrate_sample.js';
import { failure, finish } from './finish.js';
import type { ImageSettings } from './identity.js';
import { SettingsReader } from './image_settings.js';
import { type ImageRecord, Journal, type RunRecord } from './journal.js';
import { type BatchSettings, commonSettings } from './options.js';
import type { Outcomes } from './outcomes.js';
import type { OutputFolder } from './output_folder.js';
import { plan, type Step, type Work } from './plan.js';
import { withoutCredentials } from './queue/connection.js';
import { restoreOnWorkers } from './queue/producer.js';
import { queueWorks, recordOf } from './queue/queue_works.js';
import type { Share } from './share.js';
import type { Source } from './sources.js';
import type { Tally } from './tally.js';

/** Results that are encoded and written at a time. */
const FINISHING = 4;

/** A batch that is to be worked on. */
export interface Batch {
  readonly sources: readonly Source[];
  /** Of the sources. */
  readonly spellings: readonly string[];
  readonly settings: BatchSettings;
  readonly share: Share;
  /** Digest of the model. */
  readonly model: string;
  readonly folder: OutputFolder;
  readonly outcomes: Outcomes;
  /** Images of all shares. */
  readonly total: number;
  readonly tally: Tally;
}

/**
 * Does what is left of a batch. Inputs are read and results written while others are solved; a journal's line follows its file.
 *
 * @returns the device's name; nothing where the model was not needed
 */
export async function perform(batch: Batch): Promise<string | undefined> {
  const { settings, share, folder, tally } = batch;
  const stopped = new AbortController();
  const stop = (): void => stopped.abort(settings.signal?.reason);
  if (settings.signal?.aborted) stop();
  settings.signal?.addEventListener('abort', stop, { once: true });
  await using journal = await Journal.open(folder.path, share);
  await using model = new LazyModel(settings, stopped.signal);
  try {
    await journal.append(runRecord(batch));
    const write = async (record: ImageRecord): Promise<void> => {
      await journal.append(record);
      tally.image(record);
    };
    const restore = settings.queue ? restoreElsewhere : restoreHere;
    await restore(batch, { model, stopped, write });
    return model.device;
  } finally {
    settings.signal?.removeEventListener('abort', stop);
  }
}

interface Means {
  readonly model: LazyModel;
  /** Aborted from outside, or with what makes going on useless. */
  readonly stopped: AbortController;
  readonly write: (record: ImageRecord) => Promise<void>;
}

async function restoreHere(batch: Batch, { model, stopped, write }: Means): Promise<void> {
  const { settings, folder } = batch;
  const { signal } = stopped;
  const works = new Map<number, Work>();
  const finishing = new Set<Promise<void>>();
  const end = async (result: ManyResult<ManyInput>): Promise<void> => {
    const work = works.get(result.index)!;
    works.delete(result.index);
    await write(await finish(work, result, folder));
  };
  const { steps } = await planOf(batch, model, signal);
  const inputs = inputsOf(worksOf(steps, batch, write), works);
  const first = await inputs.next();
  if (first.done) return;
  const latino = await model.get();
  try {
    const { concurrency, together } = settings;
    for await (const result of latino.restoreMany(withFirst(first.value, inputs), { order: 'any', concurrency, together, signal })) {
      const task = end(result)
        .catch((error: unknown) => stopped.abort(error))
        .finally(() => finishing.delete(task));
      finishing.add(task);
      if (finishing.size >= FINISHING) await Promise.race(finishing);
    }
  } finally {
    await Promise.all(finishing);
  }
  signal.throwIfAborted();
}

/** As `restoreHere`, by the workers of a queue. */
async function restoreElsewhere(batch: Batch, { model, stopped, write }: Means): Promise<void> {
  const { signal } = stopped;
  const queue = batch.settings.queue!;
  const { steps, embedding = queue.embedding } = await planOf(batch, model, signal);
  const travelling = { ...batch, settings: { ...batch.settings, queue: { ...queue, embedding } } };
  const images = queueWorks(worksOf(steps, batch, write), travelling);
  for await (const { image, outcome } of restoreOnWorkers(queue, images, { signal })) await write(recordOf(image.work, outcome));
}

/** The plan, once the embedding is there that it depends on, and that embedding's file. */
async function planOf(batch: Batch, model: LazyModel, signal: AbortSignal): Promise<{ steps: AsyncGenerator<Step>; embedding?: string }> {
  const { sources, settings, outcomes, share, folder } = batch;
  const common = commonSettings(settings);
  const { calibrateOn: count, calibration, onEvent, reference } = settings;
  const stepsWith = (all: ImageSettings): AsyncGenerator<Step> =>
    plan(sources, outcomes, new SettingsReader(all, reference), { ...settings, share, model: batch.model });
  if (count === undefined) return { steps: stepsWith(common) };
  const sample = { count, calibration, settings: common, model: batch.model };
  const onPass = (pass: CalibrationPass): void => onEvent?.({ event: 'calibration', ...pass });
  const embedding = await batchEmbedding(() => model.get(), { ...batch, ...sample, signal, onPass });
  return { steps: stepsWith({ ...common, embedding }), embedding: embeddingFile(folder.path, sample) };
}

/** What is to be restored; what needs no model is written down on the way. */
async function* worksOf(
  steps: AsyncGenerator<Step>,
  { settings, outcomes, tally }: Batch,
  write: (record: ImageRecord) => Promise<void>,
): AsyncGenerator<Work, void, undefined> {
  let left = settings.limit ?? Infinity;
  for await (const step of steps) {
    if (step.todo === 'skip') {
      tally.past(step, outcomes.failure(step.output), step.status);
      continue;
    }
    if (left-- <= 0) return;
    if (step.todo === 'fail') await write(failure(step, step.error, 0));
    else yield step;
  }
}

async function* inputsOf(works: AsyncGenerator<Work>, known: Map<number, Work>): AsyncGenerator<ManyInput, void, undefined> {
  let index = 0;
  for await (const work of works) {
    known.set(index++, work);
    const { bitDepth: _, ...options } = work.settings;
    yield { ...options, input: work.entry.path, gammas: true };
  }
}

async function* withFirst<Value>(first: Value, rest: AsyncGenerator<Value>): AsyncGenerator<Value> {
  yield first;
  yield* rest;
}

/** The model, loaded when it is first needed. */
class LazyModel implements AsyncDisposable {
  private loading?: Promise<Latino>;
  /** Name of the device, once the model is there. */
  device?: string;

  constructor(
    private readonly settings: BatchSettings,
    private readonly signal: AbortSignal,
  ) {}

  async get(): Promise<Latino> {
    this.loading ??= Latino.load({ ...this.settings.model, signal: this.signal });
    const latino = await this.loading;
    this.device = latino.device.name;
    return latino;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const latino = await this.loading?.catch(() => undefined);
    await latino?.dispose();
  }
}

function runRecord({ settings, spellings, model }: Batch): RunRecord {
  const { out: _, model: load = {}, operator, embedding, shard, queue, signal: __, onEvent: ___, ...options } = settings;
  return {
    kind: 'run',
    version: 1,
    package: packageVersion,
    startedAt: new Date().toISOString(),
    model: { name: load.model ?? DEFAULT_MODEL, digest: model, ...load },
    options: {
      inputs: spellings,
      operator: operator && operatorName(operator),
      ...options,
      embedding: embedding?.source,
      shard: shard && `${shard.index}/${shard.of}`,
      queue: queue && withoutCredentials(queue.url),
    },
  };
}
