import { realpath, stat } from 'node:fs/promises';
import { basename, extname, resolve } from 'node:path';
import picomatch from 'picomatch';
import { LatinoError } from '../errors.js';
import type { BatchEntry } from './entry.js';
import { readManifest } from './manifest.js';
import { type WalkOptions, walk } from './walk.js';

const IMAGES = new Set([
  '.png',
  '.jpg',
  '.jpeg',
  '.webp',
  '.tif',
  '.tiff',
  '.gif',
  '.avif',
  '.heic',
  '.heif',
  '.jp2',
  '.jxl',
  '.svg',
  '.bmp',
]);
const MANIFESTS = new Set(['.jsonl', '.ndjson']);
const extension = (path: string): string => extname(path).toLowerCase();
const isImageName = (name: string): boolean => IMAGES.has(extension(name));

/** Where images come from: it can be gone through several times, and what it gives is read from the disk each time. */
export type Source = (output: string) => AsyncGenerator<BatchEntry>;

/**
 * What a folder, a glob, a manifest (.jsonl) or an image file stands for.
 *
 * @throws LatinoError ERR_LATINO_ARGUMENT when there is no such thing
 */
export async function openSource(spelling: string): Promise<Source> {
  const found = await stat(spelling).catch(() => undefined);
  if (found?.isDirectory()) return (output) => inFolder(spelling, output, { accepts: isImageName });
  if (found) return MANIFESTS.has(extension(spelling)) ? () => readManifest(resolve(spelling)) : () => alone(spelling);
  const { base, glob, isGlob } = picomatch.scan(spelling);
  if (isGlob && (await stat(base || '.').catch(() => undefined))?.isDirectory())
    return (output) =>
      inFolder(base || '.', output, { accepts: picomatch(glob), depth: glob.includes('**') ? Infinity : glob.split('/').length });
  throw new LatinoError('ERR_LATINO_ARGUMENT', `Expected a folder, a glob, a .jsonl manifest or an image but there is no ${spelling}`);
}

async function* alone(path: string): AsyncGenerator<BatchEntry> {
  yield { path: resolve(path), name: basename(path) };
}

/** The output folder may lie inside: what was restored is not restored again. */
async function* inFolder(folder: string, output: string, what: Pick<WalkOptions, 'accepts' | 'depth'>): AsyncGenerator<BatchEntry> {
  const except = await realpath(output).catch(() => undefined);
  if (except !== undefined && except === (await realpath(folder)))
    throw new LatinoError('ERR_LATINO_ARGUMENT', `Expected an output folder beside the inputs but received their own, ${folder}`);
  yield* walk(resolve(folder), { ...what, isImageName, except });
}
