import { join } from 'node:path';
import { LatinoError } from '../errors.js';
import { type ImageInput, readImage } from '../image/index.js';
import type { Latino } from '../latino.js';
import type { CalibrateOptions, CalibrationPass } from '../options.js';
import { Embedding } from '../prior/embedding.js';
import { type ImageSettings, imageId } from './identity.js';
import type { OutputFolder } from './output_folder.js';
import { entriesOf } from './plan.js';
import type { Source } from './sources.js';

export interface SampleOptions {
  readonly sources: readonly Source[];
  readonly folder: OutputFolder;
  /** How many images, and of how many. */
  readonly count: number;
  readonly total: number;
  readonly calibration?: CalibrateOptions['settings'];
  readonly settings: ImageSettings;
  /** Digest of the model. */
  readonly model: string;
  readonly signal?: AbortSignal;
  readonly onPass?: (pass: CalibrationPass) => void;
}

/**
 * The embedding of a batch: calibrated on images spread evenly over it, once. It stays in the output folder, where later runs and the processes of
 * other shares find it; whichever is first decides.
 */
export async function batchEmbedding(latino: () => Promise<Latino>, options: SampleOptions): Promise<Embedding> {
  const { folder, count, calibration, settings, model, signal, onPass } = options;
  const name = `latino-batch.${imageId(`calibrated on ${count} ${JSON.stringify(calibration)}`, settings, model).slice(0, 16)}.safetensors`;
  const path = join(folder.path, name);
  const known = await Embedding.load(path).catch(() => undefined);
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
    settings: calibration,
    signal,
    onProgress: onPass,
  });
  await folder.offer(name, (own) => calibrated.save(own));
  return Embedding.load(path);
}

/** Images that can be read and are restored as the batch is. */
async function sampleOf({ sources, folder, count, total }: SampleOptions): Promise<ImageInput[]> {
  const sample: ImageInput[] = [];
  const stride = Math.max(1, Math.floor(total / count));
  let due = 0;
  let index = 0;
  for await (const { entry } of entriesOf(sources, { out: folder.path })) {
    if (index++ < due || entry.problem || entry.line?.operator !== undefined) continue;
    const image = await readImage(entry.path).catch(() => undefined);
    if (!image) continue;
    sample.push(entry.path);
    due += stride;
    if (sample.length === count) return sample;
  }
  if (sample.length > 0) return sample;
  throw new LatinoError('ERR_LATINO_IMAGE', 'Expected at least one image to calibrate on but none can be read');
}
