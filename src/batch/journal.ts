import { createReadStream } from 'node:fs';
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { LatinoError } from '../errors.js';
import { outputError } from '../output_file.js';
import { type Share, stemOf } from './share.js';

const RunRecord = z.object({
  kind: z.literal('run'),
  version: z.literal(1),
  /** Of this package. */
  package: z.string().optional(),
  startedAt: z.string(),
  /** As it was named, and its digest. */
  model: z.unknown(),
  options: z.record(z.string(), z.unknown()),
});
/** A run of a batch begins with it. */
export type RunRecord = Readonly<z.output<typeof RunRecord>>;

const ImageRecord = z.object({
  kind: z.literal('image'),
  /** SHA-256 of the input's bytes, the options and the model. */
  id: z.string(),
  /** Absolute. */
  input: z.string(),
  /** Relative to the journal's folder, with `/` between names. */
  output: z.string(),
  status: z.enum(['done', 'failed']),
  seed: z.number(),
  seconds: z.number(),
  width: z.number().optional(),
  height: z.number().optional(),
  /** Against the reference; no PSNR where they are equal. */
  metrics: z.object({ psnr: z.number().nullable(), ssim: z.number() }).optional(),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
  warnings: z.array(z.string()).optional(),
  /** What the restoration was, beside its seed and what the run's record says; see `RestorationRecord`. */
  record: z
    .object({
      operator: z.string(),
      sigma: z.number(),
      prompt: z.string(),
      steps: z.number(),
      timesteps: z.array(z.number()),
      stepRule: z.union([z.string(), z.number()]),
      start: z.string(),
      result: z.string(),
      // JSON has no infinity.
      gammas: z.array(z.number().nullable()).optional(),
    })
    .optional(),
  finishedAt: z.string(),
});
/** What became of an image; the last record of an output counts. */
export type ImageRecord = Readonly<z.output<typeof ImageRecord>>;

const NAME = /^latino-batch(\.\d+-of-\d+)?\.jsonl$/;
const NEWLINE = 10;

/** A run's own journal: JSON lines that are only added to, each on the disk when `append` resolves. */
export class Journal implements AsyncDisposable {
  private waiting: { readonly line: string; readonly settle: (error?: LatinoError) => void }[] = [];
  private writing?: Promise<void>;

  private constructor(
    readonly path: string,
    private readonly file: FileHandle,
    private length: number,
  ) {}

  /**
   * Opens a journal, or begins one. The last line is cut off where a process was killed while it wrote it.
   *
   * @throws LatinoError ERR_LATINO_OUTPUT
   */
  static async open(folder: string, share: Share): Promise<Journal> {
    const path = join(folder, `${stemOf(share)}.jsonl`);
    try {
      const file = await open(path, 'a+');
      const length = await endOfLastLine(file);
      await file.truncate(length);
      return new Journal(path, file, length);
    } catch (cause) {
      throw outputError(path, cause);
    }
  }

  /** @throws LatinoError ERR_LATINO_OUTPUT when the line cannot be written; then nothing of it is left */
  append(record: RunRecord | ImageRecord): Promise<void> {
    const written = new Promise<void>((resolve, reject) => {
      this.waiting.push({ line: `${JSON.stringify(record)}\n`, settle: (error) => (error ? reject(error) : resolve()) });
    });
    this.writing ??= this.write();
    return written;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.writing;
    await this.file.close();
  }

  /** Lines that come while others are synced are written together. */
  private async write(): Promise<void> {
    while (this.waiting.length > 0) {
      const lines = this.waiting;
      this.waiting = [];
      const bytes = Buffer.from(lines.map(({ line }) => line).join(''));
      const error = await this.writeAll(bytes).catch((cause: unknown) => outputError(this.path, cause));
      // Half a line would make one with the next.
      if (error) await this.file.truncate(this.length).catch(() => undefined);
      else this.length += bytes.length;
      for (const { settle } of lines) settle(error ?? undefined);
    }
    this.writing = undefined;
  }

  private async writeAll(bytes: Buffer): Promise<undefined> {
    await this.file.appendFile(bytes);
    await this.file.datasync();
  }
}

/** The records of all journals of an output folder, file by file. A line that a process is writing, or that is damaged, is left out. */
export async function* readJournals(folder: string): AsyncGenerator<RunRecord | ImageRecord> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((each) => NAME.test(each)).sort()) yield* readJournal(join(folder, name));
}

/** @throws LatinoError ERR_LATINO_OUTPUT when a later version wrote it */
export async function* readJournal(path: string): AsyncGenerator<RunRecord | ImageRecord> {
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    const value = parse(line);
    if (value?.kind === 'run' && value.version !== 1)
      throw new LatinoError('ERR_LATINO_OUTPUT', `Expected a journal of version 1 but ${path} is of version ${String(value.version)}`);
    const record = (value?.kind === 'run' ? RunRecord : ImageRecord).safeParse(value);
    if (record.success) yield record.data;
  }
}

function parse(line: string): { readonly kind?: unknown; readonly version?: unknown } | undefined {
  try {
    return JSON.parse(line) as { kind?: unknown };
  } catch {
    return undefined;
  }
}

/** Bytes up to and including the last newline. */
async function endOfLastLine(file: FileHandle): Promise<number> {
  const block = Buffer.alloc(64 * 1024);
  for (let end = (await file.stat()).size; end > 0; ) {
    const begin = Math.max(0, end - block.length);
    const { bytesRead } = await file.read(block, 0, end - begin, begin);
    const newline = block.subarray(0, bytesRead).lastIndexOf(NEWLINE);
    if (newline >= 0) return begin + newline + 1;
    end = begin;
  }
  return 0;
}
