import { extname } from 'node:path';
import { LatinoError } from '../errors.js';
import { type Image, type ImageFormat, psnr, readImage, ssim } from '../image/index.js';
import type { Restoration } from '../restoration.js';
import type { RestorationRecord } from '../restoration_record.js';
import type { ManyResult } from '../scheduling/restore_many.js';
import type { ImageRecord } from './journal.js';
import type { OutputFolder } from './output_folder.js';
import type { Step, Work } from './plan.js';

const FORMATS: Readonly<Record<string, ImageFormat>> = {
  '.jpg': 'jpeg',
  '.jpeg': 'jpeg',
  '.webp': 'webp',
  '.tif': 'tiff',
  '.tiff': 'tiff',
};
/** What every later image would fail of too. */
const FATAL = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO']);

/**
 * Writes a result and says what came of it.
 *
 * @throws LatinoError ERR_LATINO_OUTPUT when the disk is full or nothing can be written any more
 */
export async function finish(work: Work, result: ManyResult<unknown>, folder: Pick<OutputFolder, 'write'>): Promise<ImageRecord> {
  const { seconds } = result;
  if (result.error) return failure(work, result.error, seconds);
  const { restored } = result;
  const warnings = result.warnings.map(({ message }) => message);
  try {
    const format = FORMATS[extname(work.output).toLowerCase()] ?? 'png';
    await folder.write(work.output, await restored.toBuffer(format, { bitDepth: work.settings.bitDepth }));
  } catch (error) {
    if (error instanceof LatinoError && FATAL.has((error.cause as NodeJS.ErrnoException | undefined)?.code ?? '')) throw error;
    return failure(work, error as Error, seconds);
  }
  const metrics = work.reference === undefined ? undefined : await measure(restored, work.reference, warnings);
  const { width, height } = restored;
  return {
    ...common(work),
    status: 'done',
    seconds,
    width,
    height,
    metrics,
    ...(warnings.length > 0 ? { warnings } : {}),
    record: recordOf(restored.record),
    finishedAt: now(),
  };
}

export function failure(step: Step, error: Error, seconds: number): ImageRecord {
  const code = String((error as Partial<LatinoError>).code ?? 'ERR_LATINO_RUNTIME');
  return { ...common(step), status: 'failed', seconds, error: { code, message: error.message }, finishedAt: now() };
}

const common = ({ id, entry, output, seed }: Step) => ({ kind: 'image', id, input: entry.path, output, seed }) as const;
const now = (): string => new Date().toISOString();

/** What other lines of the journal do not say, and this one not elsewhere. */
function recordOf({
  operator,
  sigma,
  prompt,
  steps,
  timesteps,
  stepRule,
  start,
  result,
  gammas,
}: RestorationRecord): ImageRecord['record'] {
  return { operator, sigma, prompt, steps, timesteps: [...timesteps], stepRule, start, result, gammas: gammas && [...gammas] };
}

/** Against the reference, or a warning why not. Both in sRGB, whatever profile is kept. */
async function measure(restored: Restoration, path: string, warnings: string[]): Promise<ImageRecord['metrics']> {
  try {
    const image = restored.image.metadata?.icc ? await readImage(await restored.toBuffer('png')) : restored.image;
    const reference: Image = await readImage(path, { channels: image.channels });
    const [decibels, similarity] = await Promise.all([psnr(image, reference), ssim(image, reference)]);
    return { psnr: Number.isFinite(decibels) ? decibels : null, ssim: similarity };
  } catch (error) {
    warnings.push((error as Error).message);
    return undefined;
  }
}
