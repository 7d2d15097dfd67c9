import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { Multipart, MultipartFile } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import type { ScratchFolder } from './scratch_folder.js';
import { type SecondFile, secondFiles } from './second_files.js';
import { ServiceError } from './service_error.js';

export type FileName = 'file' | SecondFile;
const NAMES: readonly FileName[] = ['file', ...secondFiles];

/** What a form brought: its texts, and its files on the disk until it is disposed. */
export interface Upload extends AsyncDisposable {
  readonly fields: ReadonlyMap<string, string>;
  /** Paths. */
  readonly files: ReadonlyMap<FileName, string>;
}

/** A prompt is the longest. */
const FIELD_BYTES = 8192;
const MOST_FIELDS = 20;

/**
 * Reads a multipart form with a picture and what belongs to its damage, its files onto the disk: memory holds none of them. Of a form that is refused, or whose sender leaves, nothing stays.
 *
 * @throws ServiceError when it is no such form, is broken, or has more than it may
 */
export async function receiveUpload(request: FastifyRequest, folder: ScratchFolder, maxBytes: number): Promise<Upload> {
  if (!request.isMultipart())
    throw new ServiceError(
      'ERR_LATINO_FORMAT',
      `Expected multipart/form-data but received ${request.headers['content-type'] ?? 'no body'}`,
    );
  const fields = new Map<string, string>();
  const files = new Map<FileName, string>();
  const discard = async (): Promise<void> => void (await Promise.all([...files.values()].map((path) => rm(path, { force: true }))));
  const limits = { fileSize: maxBytes, files: NAMES.length, fieldSize: FIELD_BYTES, fields: MOST_FIELDS, fieldNameSize: 100 };
  try {
    for await (const part of request.parts({ limits: { ...limits, headerPairs: 100, parts: MOST_FIELDS + NAMES.length } })) {
      if (fields.has(part.fieldname) || files.has(part.fieldname as FileName))
        throw new ServiceError('ERR_LATINO_REQUEST', `Expected ${part.fieldname} once but received it twice`);
      if (part.type === 'field') fields.set(part.fieldname, textOf(part));
      else if (!NAMES.some((name) => name === part.fieldname))
        throw new ServiceError('ERR_LATINO_REQUEST', `Expected ${NAMES.join(', ')} for the name of a file but received ${part.fieldname}`);
      else await save(part, part.fieldname as FileName);
    }
  } catch (error) {
    // What is left of it is read and forgotten, so that the answer gets through.
    request.raw.unpipe();
    request.raw.resume();
    await discard();
    throw refusal(error);
  }
  return { fields, files, [Symbol.asyncDispose]: discard };

  async function save(part: MultipartFile, name: FileName): Promise<void> {
    const path = folder.file(`${randomUUID()}.${name}`);
    files.set(name, path);
    await pipeline(part.file, createWriteStream(path, { flags: 'wx', mode: 0o600 }));
    if (part.file.truncated) throw new ServiceError('ERR_LATINO_TOO_LARGE', `Expected a ${name} of at most ${maxBytes} bytes`);
    if (part.file.bytesRead > 0) return;
    // A browser's form sends a file that was not chosen as an empty one.
    files.delete(name);
    await rm(path, { force: true });
  }
}

function textOf({ fieldname, value, valueTruncated }: Extract<Multipart, { type: 'field' }>): string {
  if (valueTruncated) throw new ServiceError('ERR_LATINO_TOO_LARGE', `Expected a ${fieldname} of at most ${FIELD_BYTES} bytes`);
  if (typeof value !== 'string') throw new ServiceError('ERR_LATINO_REQUEST', `Expected text for ${fieldname}`);
  return value;
}

/** What is wrong with a form, or with the disk. */
function refusal(error: unknown): Error {
  if (error instanceof ServiceError) return error;
  const { message, statusCode, syscall } = error as NodeJS.ErrnoException & { readonly statusCode?: number };
  if (syscall !== undefined)
    return new ServiceError('ERR_LATINO_STORAGE', 'The service cannot keep the upload; its log says why', { cause: error });
  return new ServiceError(
    statusCode === 413 ? 'ERR_LATINO_TOO_LARGE' : 'ERR_LATINO_REQUEST',
    `Expected a whole multipart form but received another: ${message}`,
    { cause: error },
  );
}
