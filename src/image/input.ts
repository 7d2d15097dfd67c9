import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { ReadableStream as WebStream } from 'node:stream/web';
import { fileURLToPath } from 'node:url';
import { types } from 'node:util';
import { LatinoError } from '../errors.js';
import type { Image } from './image.js';

interface RawSize {
  readonly width: number;
  readonly height: number;
  /** 1 grey, 2 grey and alpha, 3 colour, 4 colour and alpha. */
  readonly channels: 1 | 2 | 3 | 4;
}

/** Interleaved pixels: 8-bit, 16-bit, or (with `layout`, which tells them from an `Image`) floats in [0, 1]. */
export type RawPixels = RawSize &
  ({ readonly data: Uint8Array | Uint8ClampedArray | Uint16Array } | { readonly data: Float32Array; readonly layout: 'interleaved' });

/** What sharp's `toBuffer({ resolveWithObject: true })` gives: pixels where `info.format` is `raw`, and else an image file. */
export interface SharpOutput {
  readonly data: Uint8Array;
  readonly info: {
    readonly format: string;
    readonly width: number;
    readonly height: number;
    readonly channels: number;
    readonly depth?: string;
  };
}

/** A sharp pipeline, of whichever copy of sharp. It stands for the picture that it would write, and is left as it is. */
export interface SharpPipeline {
  clone(): SharpPipeline;
  keepMetadata(): SharpPipeline;
  png(options: { compressionLevel: number }): SharpPipeline;
  metadata(): Promise<unknown>;
  toBuffer(): Promise<Uint8Array>;
}

/**
 * A path or a `file:` URL; the bytes of an image file, as a Buffer, an ArrayBuffer, a view of one, a Blob or a stream, which is read to its end; a
 * sharp pipeline or what one gave; raw pixels; or an image. They are read while JavaScript goes on: until whoever was given them is done, bytes
 * and pixels must be neither changed nor transferred to another thread.
 */
export type ImageInput =
  | string
  | URL
  | ArrayBufferLike
  | ArrayBufferView
  | Blob
  | AsyncIterable<Uint8Array>
  | WebStream<Uint8Array>
  | SharpPipeline
  | SharpOutput
  | RawPixels
  | Image;

/** An image file, in memory or on the disk. */
export interface EncodedInput {
  readonly source: string | Uint8Array;
  /** For messages. */
  readonly name: string;
  /** Whether the caller's own sharp has decoded it: which formats are allowed is then not asked. */
  readonly isDecoded?: boolean;
}

export interface InputOptions {
  /** Bytes of a stream or a Blob; more are refused. */
  readonly mostBytes: number;
  /** Ends the reading of a stream, which is destroyed. */
  readonly signal?: AbortSignal;
}

/**
 * What an input is: an image file, or pixels.
 *
 * @throws LatinoError ERR_LATINO_IMAGE when it is none of what an input may be, or cannot be read
 */
export async function openInput(input: ImageInput, options: InputOptions): Promise<EncodedInput | RawPixels | Image> {
  if (typeof input === 'string') return file(input);
  if (input instanceof URL) return file(pathOf(input));
  if (types.isAnyArrayBuffer(input)) return { source: new Uint8Array(input), name: 'the given bytes' };
  if (ArrayBuffer.isView(input))
    return { source: new Uint8Array(input.buffer, input.byteOffset, input.byteLength), name: 'the given bytes' };
  if (typeof input === 'object' && input !== null) {
    // A sharp pipeline is a stream too, but not one of bytes to be decoded.
    if (isPipeline(input)) return written(input);
    if (isBlob(input)) return { source: await bytesOf(input.stream(), options), name: 'the given Blob' };
    if ('data' in input && ArrayBuffer.isView(input.data)) return 'info' in input ? ofSharp(input) : (input as RawPixels | Image);
    if (Symbol.asyncIterator in input || 'getReader' in input) {
      const stream = input as AsyncIterable<Uint8Array> | WebStream<Uint8Array>;
      return { source: await bytesOf(stream, options), name: 'the given stream' };
    }
  }
  throw new LatinoError(
    'ERR_LATINO_IMAGE',
    `Expected a path, a file: URL, a Buffer, a Blob, a stream, a sharp instance or pixels for an image but received ${input === null ? 'null' : typeof input}`,
  );
}

const isPipeline = (input: object): input is SharpPipeline =>
  ['clone', 'keepMetadata', 'png', 'metadata', 'toBuffer'].every((name) => typeof (input as Record<string, unknown>)[name] === 'function');

/** Of Node, or of a package that has its own. */
const isBlob = (input: object): input is Blob => 'stream' in input && typeof input.stream === 'function' && 'arrayBuffer' in input;

async function file(path: string): Promise<EncodedInput> {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code === 'ENOENT' ? 'there is no such file' : cause.message;
    throw new LatinoError('ERR_LATINO_IMAGE', `Expected an image file but cannot read ${path}: ${reason}`, { cause });
  });
  if (!found.isFile()) throw new LatinoError('ERR_LATINO_IMAGE', `Expected an image file but ${path} is not a file`);
  return { source: path, name: path };
}

function pathOf(url: URL): string {
  if (url.protocol !== 'file:')
    throw new LatinoError('ERR_LATINO_IMAGE', `Expected a file: URL for an image but received one of ${url.protocol}; fetch it yourself`);
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw new LatinoError('ERR_LATINO_IMAGE', `Expected the URL of a file on this machine but received ${url.href}`, { cause });
  }
}

/** As a file, with what tells how its colours and its orientation are meant. */
async function written(pipeline: SharpPipeline): Promise<EncodedInput> {
  const name = 'what the sharp pipeline gives';
  try {
    return { source: await pipeline.clone().keepMetadata().png({ compressionLevel: 0 }).toBuffer(), name, isDecoded: true };
  } catch (cause) {
    throw new LatinoError('ERR_LATINO_IMAGE', `Expected an image but cannot read ${name}: ${firstLine(cause)}`, { cause });
  }
}

function ofSharp({ data, info }: SharpOutput): EncodedInput | RawPixels {
  if (info.format !== 'raw') return { source: data, name: 'the given bytes' };
  const { width, height, channels } = info;
  const { depth = data.byteLength === 2 * width * height * channels ? 'ushort' : 'uchar' } = info;
  if (depth !== 'uchar' && depth !== 'ushort')
    throw new LatinoError('ERR_LATINO_IMAGE', `Expected raw pixels of depth uchar or ushort but received ${depth}`);
  const size = { width, height, channels: channels as RawSize['channels'] };
  return { ...size, data: depth === 'ushort' && data.BYTES_PER_ELEMENT === 1 ? words(data) : data };
}

/** 16-bit values of bytes, which are copied where they do not lie at an even address. */
export function words(bytes: Uint8Array): Uint16Array {
  const { buffer, byteOffset, byteLength } = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
  return new Uint16Array(buffer, byteOffset, byteLength >> 1);
}

async function bytesOf(input: AsyncIterable<Uint8Array> | WebStream<Uint8Array>, { mostBytes, signal }: InputOptions): Promise<Buffer> {
  const stream = asReadable(input);
  const stop = (): void => void stream.destroy(signal!.reason);
  signal?.addEventListener('abort', stop, { once: true });
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    signal?.throwIfAborted();
    for await (const chunk of stream as AsyncIterable<unknown>) {
      if (!(chunk instanceof Uint8Array))
        throw new LatinoError('ERR_LATINO_IMAGE', `Expected a stream of bytes for an image but it gave a ${typeof chunk}`);
      length += chunk.byteLength;
      if (length > mostBytes)
        throw new LatinoError('ERR_LATINO_IMAGE', `Expected at most ${mostBytes} bytes for an image but received more`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, length);
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof LatinoError) throw cause;
    throw new LatinoError('ERR_LATINO_IMAGE', `Expected an image but its stream failed: ${firstLine(cause)}`, { cause });
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

function asReadable(input: AsyncIterable<Uint8Array> | WebStream<Uint8Array>): Readable {
  if (input instanceof Readable) return input;
  if ('getReader' in input) return Readable.fromWeb(input);
  return Readable.from(input);
}

export const firstLine = (cause: unknown): string => (cause as Error).message.trim().split('\n')[0]!;
