import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { loadSharp } from '../../image/index.js';
import { writeWhole } from '../../output_file.js';
import type { Picture } from './page_data.js';

/** The folder of thumbnails, beside the report. Its pictures are no inputs of another batch. */
export const THUMBNAILS = 'latino-report';
/** Pixels of a thumbnail's longer side, at most. */
const LONGEST_SIDE = 768;
const QUALITY = 82;
const LEFT_OVER_MS = 60 * 60 * 1000;

/** An image whose pictures are to lie beside the report. */
export interface Pictured {
  readonly id: string;
  /** The measurement; it is enlarged to the size of the result. */
  readonly before?: string;
  /** The restored file. */
  readonly after?: string;
  readonly width?: number;
  readonly height?: number;
}

export const thumbnailName = (id: string, picture: Picture): string => `${id}-${picture}.webp`;

/**
 * Makes the WebP thumbnails that the folder does not have yet, and says which there are of each image. A file that is no picture, or is not there any
 * more, has none.
 *
 * @throws LatinoError ERR_LATINO_OUTPUT
 */
export async function makeThumbnails(folder: string, images: readonly Pictured[]): Promise<Picture[][]> {
  await mkdir(folder, { recursive: true });
  const there = new Set(await readdir(folder));
  await removeLeftovers(folder, there);
  const made: Picture[][] = images.map(() => []);
  const queue = images.entries();
  const work = async (): Promise<void> => {
    for (const [index, image] of queue) {
      for (const picture of ['before', 'after'] as const) {
        const name = thumbnailName(image.id, picture);
        if (there.has(name) || (await makeThumbnail(join(folder, name), image[picture], image))) made[index]!.push(picture);
      }
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return made;
}

/** Removes the thumbnails of these images. */
export async function removeThumbnails(folder: string, ids: Iterable<string>): Promise<void> {
  for (const id of ids)
    for (const picture of ['before', 'after'] as const) await rm(join(folder, thumbnailName(id, picture)), { force: true });
}

/** What a process that was killed had begun. A younger file may be one that another process writes. */
async function removeLeftovers(folder: string, names: Iterable<string>): Promise<void> {
  for (const name of names) {
    if (!/^\..+\.tmp$/.test(name)) continue;
    const path = join(folder, name);
    const modified = (await stat(path).catch(() => undefined))?.mtimeMs ?? Date.now();
    if (Date.now() - modified > LEFT_OVER_MS) await rm(path, { force: true });
  }
}

async function makeThumbnail(path: string, source: string | undefined, { width, height }: Pictured): Promise<boolean> {
  // Whoever opens a pipe waits for its other end.
  if (source === undefined || !(await stat(source).catch(() => undefined))?.isFile()) return false;
  const thumbnail = await enlarge(source, width, height).catch(() => undefined);
  if (thumbnail) await writeWhole(path, thumbnail);
  return thumbnail !== undefined;
}

async function enlarge(source: string, width?: number, height?: number): Promise<Buffer> {
  const sharp = await loadSharp();
  const picture = sharp(source).autoOrient().flatten({ background: 'white' }).toColourspace('srgb');
  const fitted =
    width && height
      ? picture.resize({ ...within(width, height), fit: 'fill', kernel: 'cubic' })
      : picture.resize({ width: LONGEST_SIDE, height: LONGEST_SIDE, fit: 'inside', withoutEnlargement: true });
  return fitted.webp({ quality: QUALITY, smartSubsample: true }).toBuffer();
}

function within(width: number, height: number): { width: number; height: number } {
  const scale = Math.min(1, LONGEST_SIDE / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}
