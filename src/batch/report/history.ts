import type { ImageRecord, RunRecord } from '../journal.js';

/** What the journals of a folder say: its runs, and every image once, as its last line has it. */
export class History {
  readonly runs: RunRecord[] = [];
  private readonly latest = new Map<string, ImageRecord>();
  private readonly ids = new Set<string>();

  /** Several journals of one folder are put in order by the time at which their images were finished. */
  add(record: RunRecord | ImageRecord): void {
    if (record.kind === 'run') {
      this.runs.push(record);
      return;
    }
    this.ids.add(record.id);
    const before = this.latest.get(record.output);
    if (!before || before.finishedAt <= record.finishedAt) this.latest.set(record.output, record);
  }

  /** One record an output. */
  images(): ImageRecord[] {
    return [...this.latest.values()];
  }

  /** Ids that no output has any more: their input or their options were changed since. */
  superseded(): Set<string> {
    const ids = new Set(this.ids);
    for (const { id } of this.latest.values()) ids.delete(id);
    return ids;
  }
}
