import type { BatchEvent, BatchSummary, Failure } from './events.js';
import type { ImageRecord } from './journal.js';
import { KEPT_FAILURES } from './outcomes.js';
import type { Step } from './plan.js';

/** Counts what becomes of the images of a run, and tells whoever listens. */
export class Tally {
  private restored = 0;
  private skipped = 0;
  private failed = 0;
  private readonly failures: Failure[] = [];

  constructor(
    private readonly total: number,
    private readonly onEvent: ((event: BatchEvent) => void) | undefined,
  ) {}

  image({ kind: _, ...record }: ImageRecord): void {
    if (record.status === 'done') this.restored++;
    else this.fail(record);
    this.onEvent?.({ event: 'image', ...record });
  }

  /** What an earlier run has done; of a failure, what it wrote down. */
  past({ entry, output }: Step, failure: ImageRecord | undefined, status: 'done' | 'failed'): void {
    if (status === 'done') this.skipped++;
    else this.fail(failure ?? { input: entry.path });
    this.onEvent?.({ event: 'skipped', input: entry.path, output, status });
  }

  planned({ entry, output }: Step): void {
    this.onEvent?.({ event: 'planned', input: entry.path, output });
  }

  summary(seconds: number, device: string | undefined): BatchSummary {
    const { total, restored, skipped, failed } = this;
    const failures = this.failures.toSorted((a, b) => (a.input < b.input ? -1 : 1));
    return { total, restored, skipped, failed, left: total - restored - skipped - failed, seconds, device, failures };
  }

  private fail({ input, error }: Pick<ImageRecord, 'input' | 'error'>): void {
    this.failed++;
    const { code, message } = error ?? { code: 'ERR_LATINO_RUNTIME', message: 'It failed in an earlier run; the journal says of what' };
    if (this.failures.length < KEPT_FAILURES) this.failures.push({ input, code, message });
  }
}
