import type { BatchEvent } from '../../index.js';

/** What counts for the pace: a batch is as fast as it was lately, over so many seconds and over so many images at least. */
const LATELY = { seconds: 30, images: 16 } as const;

/** How far a batch is, in words that a person understands. */
export class Pace {
  private total = 0;
  /** Images that have results of earlier runs. */
  private written = 0;
  private skipped = 0;
  private failed = 0;
  private seen = 0;
  /** When the images that count were done, and when the first of them was begun. */
  private readonly ends: number[] = [];
  private since: number;

  constructor(private readonly now: () => number = () => performance.now() / 1000) {
    this.since = now();
  }

  see(event: BatchEvent): void {
    if (event.event === 'run') {
      this.total += event.total;
      this.written += event.total - event.left;
    }
    if (event.event !== 'image' && event.event !== 'skipped') return;
    this.seen++;
    if (event.status === 'failed') this.failed++;
    else if (event.event === 'skipped') this.skipped++;
    else this.end(this.now());
  }

  /** Images whose end is known, of all. */
  get done(): readonly [seen: number, total: number] {
    return [this.seen, this.total];
  }

  /** `12 of 500, 0.12 s an image, 58 s left, 2 failed` */
  get state(): string {
    const parts = [`${this.seen} of ${this.total}`];
    const last = this.ends.at(-1);
    if (last !== undefined) {
      const seconds = (last - this.since) / this.ends.length;
      // Where some were skipped, others that have results will be: nothing has changed.
      const toSkip = this.skipped > 0 ? Math.max(0, this.written - this.skipped) : 0;
      parts.push(`${brief(seconds)} an image`, `${brief(Math.max(0, this.total - this.seen - toSkip) * seconds)} left`);
    }
    if (this.failed > 0) parts.push(`${this.failed} failed`);
    return parts.join(', ');
  }

  private end(at: number): void {
    this.ends.push(at);
    while (this.ends.length > LATELY.images && at - this.ends[0]! > LATELY.seconds) this.since = this.ends.shift()!;
  }
}

/** `0.12 s`, `34 s`, `5 min`, `2 h 10 min` */
export function brief(seconds: number): string {
  if (seconds < 0.0005) return '0 s';
  if (seconds < 9.95) return `${seconds.toPrecision(2)} s`;
  if (seconds < 99.5) return `${seconds.toFixed(0)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 100 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
