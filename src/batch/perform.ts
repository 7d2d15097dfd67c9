import { createRequire } from 'node:module';
import { Latino } from '../latino.js';
import { operatorName } from '../operators/index.js';
import type { ManyInput, ManyResult } from '../scheduling/restore_many.js';
import { batchEmbedding } from './calibrate_sample.js';
import { failure, finish } from './finish.js';
import { SettingsReader } from './image_settings.js';
import { type ImageRecord, Journal, type RunRecord } from './journal.js';
import { type BatchSettings, commonSettings } from './options.js';
import type { Outcomes } from './outcomes.js';
import type { OutputFolder } from './output_folder.js';
import { plan, type Step, type Work } from './plan.js';
import type { Share } from './share.js';
import type { Source } from './sources.js';
import type { Tally } from './tally.js';

/** Results that are encoded and written at a time. */
const FINISHING = 4;
const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

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
    await restoreAll(batch, { model, stopped, write });
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

async function restoreAll(batch: Batch, { model, stopped, write }: Means): Promise<void> {
  const { settings, folder } = batch;
  const { signal } = stopped;
  const works = new Map<number, Work>();
  const finishing = new Set<Promise<void>>();
  const end = async (result: ManyResult<ManyInput>): Promise<void> => {
    const work = works.get(result.index)!;
    works.delete(result.index);
    await write(await finish(work, result, folder));
  };
  const inputs = inputsOf(await stepsOf(batch, model, signal), batch, works, write);
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

/** The plan, once the embedding is there that it depends on. */
async function stepsOf(batch: Batch, model: LazyModel, signal: AbortSignal): Promise<AsyncGenerator<Step>> {
  const { sources, settings, outcomes, share } = batch;
  const common = commonSettings(settings);
  const { calibrateOn: count, calibration, onEvent } = settings;
  const calibrated = count !== undefined && {
    embedding: await batchEmbedding(() => model.get(), {
      ...batch,
      count,
      calibration,
      settings: common,
      signal,
      onPass: (pass) => onEvent?.({ event: 'calibration', ...pass }),
    }),
  };
  const reader = new SettingsReader({ ...common, ...calibrated }, settings.reference);
  return plan(sources, outcomes, reader, { ...settings, share, model: batch.model });
}

/** What is to be restored; what needs no model is written down on the way. */
async function* inputsOf(
  steps: AsyncGenerator<Step>,
  { settings, outcomes, tally }: Batch,
  works: Map<number, Work>,
  write: (record: ImageRecord) => Promise<void>,
): AsyncGenerator<ManyInput, void, undefined> {
  let left = settings.limit ?? Infinity;
  let index = 0;
  for await (const step of steps) {
    if (step.todo === 'skip') {
      tally.past(step, outcomes.failure(step.output), step.status);
      continue;
    }
    if (left-- <= 0) return;
    if (step.todo === 'fail') await write(failure(step, step.error, 0));
    else {
      works.set(index++, step);
      const { bitDepth: _, ...options } = step.settings;
      yield { ...options, input: step.entry.path };
    }
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
  const { out: _, model: load = {}, operator, embedding, shard, signal: __, onEvent: ___, ...options } = settings;
  return {
    kind: 'run',
    version: 1,
    package: version,
    startedAt: new Date().toISOString(),
    model: { name: load.model ?? 'portraits', digest: model, ...load },
    options: {
      inputs: spellings,
      operator: operator && operatorName(operator),
      ...options,
      embedding: embedding?.source,
      shard: shard && `${shard.index}/${shard.of}`,
    },
  };
}
