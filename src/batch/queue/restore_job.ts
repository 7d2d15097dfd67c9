import { mkdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { LatinoError } from '../../errors.js';
import type { LoadOptions, Warning } from '../../options.js';
import { outputError, syncFolder, writeWhole } from '../../output_file.js';
import { parseOptions } from '../../schema.js';
import { finish } from '../finish.js';
import { contentDigest, type ImageSettings, imageId, sha256 } from '../identity.js';
import { SettingsReader } from '../image_settings.js';
import { QueuedJob } from './job.js';
import { type LoadedModel, ModelHolder } from './loaded_model.js';
import { isOfTheImage, type Outcome } from './outcome.js';

/** Where models run. */
export type Placement = Pick<LoadOptions, 'device' | 'threads' | 'memory'>;

/** Restores the images of jobs; the model stays loaded from one to the next. */
export class JobRestorer implements AsyncDisposable {
  private readonly models: ModelHolder;
  private batch?: { readonly key: string; readonly reader: Promise<SettingsReader> };

  constructor(
    private readonly placement: Placement,
    concurrency: number,
  ) {
    this.models = new ModelHolder(concurrency);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.models[Symbol.asyncDispose]();
  }

  /** @throws what the machine is to blame for; what is wrong with the image is the outcome */
  async restore(data: unknown, signal: AbortSignal): Promise<Outcome> {
    const job = parseOptions(QueuedJob, data, { code: 'ERR_LATINO_QUEUE', what: 'a job of the queue' });
    return this.models.use({ ...job.model, ...this.placement }, (model) => this.restoreWith(model, job, signal));
  }

  private async restoreWith({ digest, queue }: LoadedModel, job: QueuedJob, signal: AbortSignal): Promise<Outcome> {
    const settings = await this.settingsOf(job);
    const content = await contentDigest(job.input).catch((cause: Error) => {
      throw new LatinoError('ERR_LATINO_QUEUE', `Expected ${job.input} on this machine too but cannot read it: ${cause.message}`, {
        cause,
      });
    });
    if (imageId(content, settings, digest) !== job.id)
      throw new LatinoError(
        'ERR_LATINO_QUEUE',
        `Expected the files that were queued but ${job.input}, its options' files or the model are others`,
      );
    const warnings: Warning[] = [];
    const begun = performance.now();
    const { bitDepth: _, operator, ...options } = settings;
    const result = await queue
      .add(job.input, {
        ...options,
        operator: operator!,
        gammas: true,
        signal,
        onWarning: (warning) => warnings.push(warning),
      })
      .catch((error: unknown) => {
        if (isOfTheImage(error)) return { error, seconds: (performance.now() - begun) / 1000 };
        throw error;
      });
    const file = new WrittenFile(job.temporaries);
    const work = {
      todo: 'restore',
      entry: { path: job.input, name: basename(job.input) },
      id: job.id,
      output: job.output,
      seed: settings.seed ?? 0,
      settings,
      reference: job.reference,
    } as const;
    const record = await finish(work, { ...result, input: job.input, index: 0, warnings }, file);
    if (record.error?.code === 'ERR_LATINO_OUTPUT') throw new LatinoError('ERR_LATINO_OUTPUT', record.error.message);
    const { kind: _kind, id: _id, input: _input, output: path, seed: _seed, ...outcome } = record;
    return file.digest === undefined ? outcome : { ...outcome, file: { path, sha256: file.digest } };
  }

  /** Jobs of one batch have the options of all in common; images whose operator is one object are solved together. */
  private async settingsOf({ settings, settingsBase, line, lineBase, input }: QueuedJob): Promise<ImageSettings> {
    const key = JSON.stringify([settings, settingsBase]);
    if (this.batch?.key !== key) this.batch = { key, reader: readerOf(settings, settingsBase) };
    const reader = await this.batch.reader.catch((error: unknown) => {
      this.batch = undefined;
      throw error;
    });
    return (await reader.of({ path: input, name: basename(input), line, base: lineBase })).settings;
  }
}

/** Reads what the options of all name, once for all images. */
async function readerOf({ bitDepth, calibrate, ...spelled }: QueuedJob['settings'], base: string): Promise<SettingsReader> {
  const line = { ...spelled, input: '' };
  const { settings } = await new SettingsReader({ bitDepth, calibrate }, undefined).of({ path: '', name: '', line, base });
  return new SettingsReader(settings, undefined);
}

/** Writes one output as the producer would. */
class WrittenFile {
  digest?: string;

  constructor(private readonly temporaries: string) {}

  async write(path: string, bytes: Uint8Array): Promise<void> {
    for (const folder of [this.temporaries, dirname(path)]) {
      await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
        throw outputError(folder, cause);
      });
    }
    await writeWhole(path, bytes, this.temporaries);
    await syncFolder(dirname(path));
    this.digest = sha256(bytes).digest('hex');
  }
}
