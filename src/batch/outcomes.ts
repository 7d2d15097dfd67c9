import { DigestMap, first64 } from './digest_map.js';
import { sha256 } from './identity.js';
import { type ImageRecord, readJournals } from './journal.js';

/** Failures whose reasons are kept. */
export const KEPT_FAILURES = 1000;
const DONE = 1n;

/** What became of every output, as the journals of a folder have it; of each the last record counts. */
export class Outcomes {
  private readonly latest = new DigestMap();
  private readonly failed = new Map<string, ImageRecord>();

  /** @throws LatinoError ERR_LATINO_OUTPUT when a later version of this package wrote a journal */
  static async read(folder: string): Promise<Outcomes> {
    const outcomes = new Outcomes();
    for await (const record of readJournals(folder)) if (record.kind === 'image') outcomes.note(record);
    return outcomes;
  }

  /** How an image ended, if nothing of it has changed since. */
  of(output: string, id: string): 'done' | 'failed' | undefined {
    const found = this.latest.get(keyOf(output));
    if (found?.value === endOf(id, 'done')) return 'done';
    return found?.value === endOf(id, 'failed') ? 'failed' : undefined;
  }

  /** Whether the output was written, whatever of. */
  wasWritten(output: string): boolean {
    const found = this.latest.get(keyOf(output));
    return found !== undefined && (found.value & DONE) === DONE;
  }

  /** Why an output failed, of the first thousand. */
  failure(output: string): ImageRecord | undefined {
    return this.failed.get(output);
  }

  private note(record: ImageRecord): void {
    const { output, id, status, finishedAt } = record;
    const key = keyOf(output);
    const time = Date.parse(finishedAt);
    if ((this.latest.get(key)?.time ?? -Infinity) > time) return;
    this.latest.set(key, endOf(id, status), time);
    this.failed.delete(output);
    if (status === 'failed' && this.failed.size < KEPT_FAILURES) this.failed.set(output, record);
  }
}

export const keyOf = (output: string): Uint8Array => sha256(output).digest();

const endOf = (id: string, status: ImageRecord['status']): bigint => {
  const digest = first64(Buffer.from(id.slice(0, 16), 'hex'));
  return status === 'done' ? digest | DONE : digest & ~DONE;
};
