import type { BigIntStats } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import { z } from 'zod';
import type { FileVersion } from '../device/addon.js';
import { LatinoError } from '../errors.js';
import { elementCount, type WeightInfo } from '../graph/weights.js';
import { fromHalf } from './half.js';

/** The limit of the reference implementation. */
const MAX_HEADER_BYTES = 100_000_000;

const BYTES: ReadonlyMap<string, number> = new Map(
  Object.entries({
    ...{ BOOL: 1, U8: 1, I8: 1, F8_E4M3: 1, F8_E5M2: 1, F8_E8M0: 1 },
    ...{ I16: 2, U16: 2, F16: 2, BF16: 2, I32: 4, U32: 4, F32: 4, I64: 8, U64: 8, F64: 8, C64: 8 },
  }),
);

const Size = z.int().nonnegative();
const Entry = z.object({ dtype: z.string(), shape: z.array(Size), data_offsets: z.tuple([Size, Size]) });
const Metadata = z.record(z.string(), z.string());

/** What the header of a .safetensors file says. */
export interface SafetensorsFile {
  /** Absolute, with symbolic links resolved. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** The tensors that can be weights: F32, F16, BF16. */
  readonly tensors: ReadonlyMap<string, WeightInfo>;
  /** The other tensors (such as int64 position ids), with their dtype. */
  readonly otherDtypes: ReadonlyMap<string, string>;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Reads and checks the header; no tensor is read.
 * @throws LatinoError ERR_LATINO_MODEL when the file is missing, truncated or not a valid .safetensors file.
 */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  let file: FileHandle;
  let resolved: string;
  try {
    resolved = await realpath(path);
    file = await open(resolved);
  } catch (cause) {
    throw new LatinoError('ERR_LATINO_MODEL', `Expected a readable file ${path} (${(cause as NodeJS.ErrnoException).code})`, { cause });
  }
  try {
    const stats = await file.stat({ bigint: true });
    if (!stats.isFile()) fail(path, 'is not a file');
    const version = versionOf(stats);
    const { size } = version;
    if (size < 8) fail(path, `has ${size} bytes, expected at least the 8 of a safetensors header`);
    const prefix = await readBytes(file, path, 0, 8);
    if (prefix.toString('latin1') === 'version ') fail(path, 'is a Git LFS pointer, expected the weights themselves (git lfs pull)');
    const stated = prefix.readBigUInt64LE(0);
    if (stated > MAX_HEADER_BYTES) fail(path, `states a header of ${stated} bytes, expected at most ${MAX_HEADER_BYTES}`);
    const headerBytes = Number(stated);
    if (8 + headerBytes > size) fail(path, `states a header of ${headerBytes} bytes, expected at most the ${size - 8} in the file`);
    const header = parseHeader(path, await readBytes(file, path, 8, headerBytes));
    return { path: resolved, size, ...readEntries(path, resolved, header, 8 + headerBytes, version) };
  } finally {
    await file.close();
  }
}

function parseHeader(path: string, bytes: Buffer): object {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return fail(path, 'has a header that does not parse, expected JSON');
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) return fail(path, 'has a header that is no JSON object');
  return header;
}

function readEntries(path: string, resolved: string, header: object, dataStart: number, version: FileVersion) {
  const { size } = version;
  const tensors = new Map<string, WeightInfo>();
  const otherDtypes = new Map<string, string>();
  const ranges: { name: string; begin: number; end: number }[] = [];
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') {
      const parsed = Metadata.safeParse(value);
      if (!parsed.success) return fail(path, 'has __metadata__ of another kind than expected, an object of strings');
      metadata = parsed.data;
      continue;
    }
    const parsed = Entry.safeParse(value);
    if (!parsed.success) {
      const key = parsed.error.issues[0]!.path.join('.') || 'entry';
      return fail(path, `has an invalid ${key} for tensor ${name}, expected dtype, shape and data_offsets with integers of at least 0`);
    }
    const { dtype, shape, data_offsets } = parsed.data;
    const [begin, end] = data_offsets;
    const bytes = BYTES.get(dtype);
    if (bytes === undefined)
      return fail(path, `has tensor ${name} of unknown dtype ${dtype}, expected one of ${[...BYTES.keys()].join(', ')}`);
    if (end < begin) return fail(path, `has tensor ${name} with data_offsets [${begin}, ${end}], expected the end not before the begin`);
    const expected = bytes * elementCount(shape);
    if (end - begin !== expected) {
      return fail(path, `has tensor ${name} of ${end - begin} bytes, expected ${expected} for ${dtype} [${shape.join(', ')}]`);
    }
    if (dataStart + end > size) {
      return fail(
        path,
        `is truncated: tensor ${name} ends at byte ${dataStart + end}, expected a file of at least that size but it has ${size}`,
      );
    }
    ranges.push({ name, begin, end });
    if (dtype === 'F32' || dtype === 'F16' || dtype === 'BF16') {
      tensors.set(name, { dtype, shape, path: resolved, offset: dataStart + begin, length: end - begin, version });
    } else {
      otherDtypes.set(name, dtype);
    }
  }
  requireDisjoint(path, ranges);
  return { tensors, otherDtypes, metadata };
}

function requireDisjoint(path: string, ranges: { name: string; begin: number; end: number }[]): void {
  const sorted = ranges.filter(({ begin, end }) => end > begin).sort((a, b) => a.begin - b.begin);
  for (const [i, { name, begin }] of sorted.entries()) {
    const previous = sorted[i - 1];
    if (previous && begin < previous.end)
      fail(path, `has tensors ${previous.name} and ${name} that overlap, expected each to have its own bytes`);
  }
}

const versionOf = ({ size, mtimeNs }: BigIntStats): FileVersion => ({ size: Number(size), modified: mtimeNs });

/** The values of a weight as float32, row-major. @throws LatinoError ERR_LATINO_MODEL when the file cannot be read, or has changed since its header was. */
export async function readTensorFloat32(info: WeightInfo): Promise<Float32Array> {
  let file: FileHandle;
  try {
    file = await open(info.path);
  } catch (cause) {
    throw new LatinoError('ERR_LATINO_MODEL', `Expected a readable file ${info.path} (${(cause as NodeJS.ErrnoException).code})`, {
      cause,
    });
  }
  try {
    const { buffer } = await readBytes(file, info.path, info.offset, info.length);
    await requireUnchanged(file, info);
    switch (info.dtype) {
      case 'F32':
        return new Float32Array(buffer);
      case 'F16':
        return Float32Array.from(new Uint16Array(buffer), fromHalf);
      case 'BF16':
        return new Float32Array(Uint32Array.from(new Uint16Array(buffer), (bits) => bits << 16).buffer);
    }
  } finally {
    await file.close();
  }
}

/** What was written while it was read may have been read, too. */
async function requireUnchanged(file: FileHandle, { path, version }: WeightInfo): Promise<void> {
  if (!version) return;
  const { size, modified } = versionOf(await file.stat({ bigint: true }));
  if (size === version.size && modified === version.modified) return;
  throw new LatinoError(
    'ERR_LATINO_MODEL',
    `Expected ${path} as it was when the model was loaded but it has changed since; load the model anew`,
  );
}

/** Bytes in a buffer of their own, so that its start is aligned for every typed array. */
async function readBytes(file: FileHandle, path: string, offset: number, length: number): Promise<Buffer<ArrayBuffer>> {
  const bytes = Buffer.from(new ArrayBuffer(length));
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, Math.min(length - done, 2 ** 30), offset + done);
    if (bytesRead === 0) fail(path, `is truncated: it ends at byte ${offset + done}, expected ${offset + length}`);
    done += bytesRead;
  }
  return bytes;
}

function fail(path: string, problem: string): never {
  throw new LatinoError('ERR_LATINO_MODEL', `${path} ${problem}`);
}
