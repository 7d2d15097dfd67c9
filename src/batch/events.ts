import type { CalibrationPass } from '../options.js';
import type { ImageRecord } from './journal.js';

/** What a run came to. */
export interface BatchSummary {
  /** Images of the batch, or of the share. */
  readonly total: number;
  /** Restored by this run. */
  readonly restored: number;
  /** Done before. */
  readonly skipped: number;
  /** Failed, now or before. */
  readonly failed: number;
  /** Left over: beyond the limit, or all that a dry run would do. */
  readonly left: number;
  readonly seconds: number;
  readonly device?: string;
  /** Of those that failed, the first thousand. */
  readonly failures: readonly Failure[];
}

export interface Failure {
  readonly input: string;
  readonly code: string;
  readonly message: string;
}

export type BatchEvent =
  /** `left` of `total` images have no result yet, as far as can be told before inputs are looked at. */
  | { readonly event: 'run'; readonly total: number; readonly left: number }
  | ({ readonly event: 'calibration' } & CalibrationPass)
  /** An image is done or has failed, and the journal says so. */
  | ({ readonly event: 'image' } & Omit<ImageRecord, 'kind'>)
  /** An image was done, or failed, in an earlier run. */
  | { readonly event: 'skipped'; readonly input: string; readonly output: string; readonly status: 'done' | 'failed' }
  /** What a dry run would restore. */
  | { readonly event: 'planned'; readonly input: string; readonly output: string };
