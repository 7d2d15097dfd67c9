import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { EncodeOptions } from '../image/index.js';
import type { ManyOptions } from '../options.js';
import { Embedding } from '../prior/embedding.js';

/** What makes a restored file what it is, beside its input and the model. */
export type ImageSettings = ManyOptions & Pick<EncodeOptions, 'bitDepth'>;

/** Those that no model has its own for. */
const DEFAULTS: ImageSettings = { seed: 0, stepRule: 'auto', start: 'regularised', bitDepth: 8 };

/**
 * 64 hexadecimal digits that two images share exactly when the bytes of the input, the options and the model do: nothing with the same id needs to
 * be restored twice.
 *
 * @param content digest of the input's bytes, or what kept them from being read
 */
export function imageId(content: string, settings: ImageSettings, model: string): string {
  // What is read at all, or noted beside, changes no file.
  const { maxPixels: _, formats: __, gammas: ___, metadata, ...rest } = settings;
  const kept = metadata === 'keep' ? { metadata } : {};
  const given = Object.fromEntries(Object.entries({ ...rest, ...kept }).filter(([, value]) => value !== undefined));
  return sha256(`${content}\n${model}\n${canonical({ ...DEFAULTS, ...given })}`).digest('hex');
}

/** SHA-256 of a file's bytes, which are not kept. @throws what the file system does */
export async function contentDigest(path: string): Promise<string> {
  // Whoever opens a pipe waits for its other end.
  if (!(await stat(path)).isFile()) throw new Error('it is not a file');
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

export const sha256 = (text: string | Uint8Array): Hash => createHash('sha256').update(text);

/** JSON with keys in order, and pixels, taps and embeddings as digests. */
function canonical(value: unknown): string {
  if (value instanceof Embedding) return canonical({ shape: value.shape, data: value.data, pooled: value.pooled });
  if (ArrayBuffer.isView(value)) return bytesDigest(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, inside]) => inside !== undefined);
  return `{${entries
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inside]) => `${JSON.stringify(key)}:${canonical(inside)}`)
    .join(',')}}`;
}

/** A mask of a million pixels is the same for all images of a batch. */
const digests = new WeakMap<ArrayBufferView, string>();

function bytesDigest(view: ArrayBufferView): string {
  const known = digests.get(view);
  if (known !== undefined) return known;
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const digest = JSON.stringify(`${view.constructor.name} ${sha256(bytes).digest('hex')}`);
  digests.set(view, digest);
  return digest;
}
