import { join } from 'node:path';
import { LatinoError } from '../errors.js';
import { type ImageInput, readImage } from '../image/index.js';
import type { Latino } from '../latino.js';
import { type CalibrateOptions, type CalibrationPass, readingOf } from '../options.js';
import { Embedding } from '../prior/embedding.js';
import { type ImageSettings, imageId } from './identity.js';
import type { OutputFolder } from './output_folder.js';
import { entriesOf } from './plan.js';
import type { Source } from './sources.js';

export interface Sample {
  /** How many images. */
  readonly count: number;
  readonly calibration?: CalibrateOptions['settings'];
  readonly settings: ImageSettings;
  /** Digest of the model. */
  readonly model: string;
}

export interface SampleOptions extends Sample {
  readonly sources: readonly Source[];
  readonly folder: OutputFolder;
  /** Images of the batch. */
  readonly total: number;
  readonly signal?: AbortSignal;
  readonly onPass?: (pass: CalibrationPass) => void;
}

/**
 * The embedding of a batch: calibrated on images spread evenly over it, once. It stays in the output folder, where later runs and the processes of
 * other shares find it; whichever is first decides.
 */
export async function batchEmbedding(latino: () => Promise<Latino>, options: SampleOptions): Promise<Embedding> {
  const { folder, settings, calibration, signal, onPass } = options;
  const known = await knownEmbedding(folder.path, options);
  if (known) return known;
  const { operator, sigma, prompt, embedding, seed, stepRule, start } = settings;
  const sample = await sampleOf(options);
  const calibrated = await (await latino()).calibrate(sample, {
    operator: operator!,
    sigma: sigma!,
    prompt,
    embedding,
    seed,
    stepRule,
    start,
    ...readingOf(settings),
    settings: calibration,
    signal,
    onProgress: onPass,
  });
  await folder.offer(nameOf(options), (own) => calibrated.save(own));
  return (await knownEmbedding(folder.path, options))!;
}

/** The embedding that an earlier run has calibrated, or another process. */
export async function knownEmbedding(out: string, sample: Sample): Promise<Embedding | undefined> {
  return Embedding.load(embeddingFile(out, sample)).catch(() => undefined);
}

/** Where it lies once it is calibrated. */
export const embeddingFile = (out: string, sample: Sample): string => join(out, nameOf(sample));

/** The same for all runs that would calibrate alike. Which images are in the sample does not count: they come and go. */
const nameOf = ({ count, calibration, settings, model }: Sample): string =>
  `latino-batch.${imageId(`calibrated on ${count} ${JSON.stringify(calibration)}`, settings, model).slice(0, 16)}.safetensors`;

/** Images that can be read and are restored as the batch is. */
async function sampleOf({ sources, folder, count, total, settings }: SampleOptions): Promise<ImageInput[]> {
  const sample: ImageInput[] = [];
  const stride = Math.max(1, Math.floor(total / count));
  let due = 0;
  let index = 0;
  for await (const { entry } of entriesOf(sources, { out: folder.path })) {
    if (index++ < due || entry.problem || entry.line?.operator !== undefined) continue;
    const image = await readImage(entry.path, readingOf(settings)).catch(() => undefined);
    if (!image) continue;
    sample.push(entry.path);
    due += stride;
    if (sample.length === count) return sample;
  }
  if (sample.length > 0) return sample;
  throw new LatinoError('ERR_LATINO_IMAGE', 'Expected at least one image to calibrate on but none can be read');
}
