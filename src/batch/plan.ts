import { access } from 'node:fs/promises';
import { extname, join, resolve } from 'node:path';
import { LatinoError } from '../errors.js';
import { DigestMap } from './digest_map.js';
import type { BatchEntry } from './entry.js';
import { contentDigest, type ImageSettings, imageId } from './identity.js';
import type { SettingsReader } from './image_settings.js';
import { keyOf, type Outcomes } from './outcomes.js';
import { isOf, type Share } from './share.js';
import type { Source } from './sources.js';

interface Planned {
  readonly entry: BatchEntry;
  /** Relative to the output folder. */
  readonly output: string;
  readonly id: string;
  readonly seed: number;
}

/** What is to be restored. */
export interface Work extends Planned {
  readonly todo: 'restore';
  readonly settings: ImageSettings;
  readonly reference?: string;
}

/** What is known of an image without restoring it: its end of an earlier run, or why there is nothing to restore. */
export type Step =
  | Work
  | (Planned & { readonly todo: 'skip'; readonly status: 'done' | 'failed' })
  | (Planned & { readonly todo: 'fail'; readonly error: LatinoError });

export interface PlanOptions {
  readonly out: string;
  readonly format?: string;
  readonly share: Share;
  readonly model: string;
  readonly retryFailed?: boolean;
  readonly signal?: AbortSignal;
}

/** The images of all sources, with what their outputs are called. */
export async function* entriesOf(sources: readonly Source[], { out, format, signal }: Pick<PlanOptions, 'out' | 'format' | 'signal'>) {
  for (const source of sources)
    for await (const entry of source(out)) {
      signal?.throwIfAborted();
      yield { entry, output: entry.problem ? entry.name : outputName(entry.name, format) };
    }
}

/** What is to be done with each image of a share, in the order of the sources: inputs are read, and compared with what earlier runs have done. */
export async function* plan(
  sources: readonly Source[],
  outcomes: Outcomes,
  reader: SettingsReader,
  options: PlanOptions,
): AsyncGenerator<Step> {
  const claimed = new DigestMap();
  for await (const { entry, output } of entriesOf(sources, options))
    if (isOf(options.share, output)) yield planOne(entry, output, claimed, outcomes, reader, options);
}

async function planOne(
  entry: BatchEntry,
  output: string,
  claimed: DigestMap,
  outcomes: Outcomes,
  reader: SettingsReader,
  { out, model, retryFailed }: PlanOptions,
): Promise<Step> {
  let id = '';
  let seed = 0;
  let hasOutput = false;
  try {
    if (entry.problem) throw entry.problem;
    requireOwn(entry, output, out, claimed);
    hasOutput = true;
    const { settings, reference } = await reader.of(entry);
    seed = settings.seed ?? 0;
    const content = await contentDigest(entry.path).catch((cause: Error) => cause);
    id = imageId(typeof content === 'string' ? content : content.message, settings, model);
    const status = outcomes.of(output, id);
    const planned = { entry, output, id, seed };
    if (status === 'failed' && !retryFailed) return { ...planned, todo: 'skip', status };
    if (typeof content !== 'string') throw unreadable(entry.path, content);
    if (status === 'done' && (await isThere(join(out, output)))) return { ...planned, todo: 'skip', status };
    return { ...planned, todo: 'restore', settings, reference };
  } catch (cause) {
    const error = cause instanceof LatinoError ? cause : unreadable(entry.path, cause as Error);
    // Without settings there is no other id: the failure is the same until its reason changes.
    const known = id === '' ? imageId(error.message, {}, model) : id;
    // Another image's output keeps that image's record.
    const planned = { entry, output: hasOutput || entry.problem ? output : entry.path, id: known, seed };
    if (id === '' && !retryFailed && outcomes.of(planned.output, known) === 'failed') return { ...planned, todo: 'skip', status: 'failed' };
    return { ...planned, todo: 'fail', error };
  }
}

/** @throws LatinoError ERR_LATINO_OUTPUT when the output is the input, or another image's */
function requireOwn({ path }: BatchEntry, output: string, out: string, claimed: DigestMap): void {
  if (resolve(out, output) === path)
    throw new LatinoError('ERR_LATINO_OUTPUT', `Expected an output beside the input but ${path} would be overwritten`);
  const key = keyOf(output);
  if (claimed.get(key))
    throw new LatinoError('ERR_LATINO_OUTPUT', `Expected an output of its own for ${path} but another image has ${output}`);
  claimed.set(key, 1n);
}

const WRITTEN = new Set(['.png', '.jpg', '.jpeg', '.webp', '.tif', '.tiff']);

/** The input's name, with an extension that can be written. */
export function outputName(name: string, format?: string): string {
  const extension = extname(name);
  if (format === undefined && WRITTEN.has(extension.toLowerCase())) return name;
  return `${name.slice(0, name.length - extension.length)}.${format ?? 'png'}`;
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'there is no permission to read it',
  ELOOP: 'its symbolic links lead round in a circle',
};

function unreadable(path: string, cause: NodeJS.ErrnoException): LatinoError {
  const reason = REASONS[cause.code ?? ''] ?? cause.message;
  return new LatinoError('ERR_LATINO_IMAGE', `Expected an image file but cannot read ${path}: ${reason}`, { cause });
}
