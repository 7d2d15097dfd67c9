/** What report.html is made of, as JSON inside it; what the scripts in pages/report show. */
export interface PageData {
  readonly title: string;
  readonly version: string;
  /** ISO 8601. */
  readonly made: string;
  /** The folder of all inputs, with a separator at its end. */
  readonly inputs: string;
  /** The last first. */
  readonly runs: readonly PageRun[];
  readonly totals: { readonly images: number; readonly done: number; readonly failed: number; readonly warned: number };
  /** Over all images, those without a row too. */
  readonly histograms: readonly PageHistogram[];
  /** Of all images, or of as many as a page holds. */
  readonly rows: readonly PageRow[];
}

export interface PageRun {
  readonly startedAt: string;
  readonly parameters: readonly (readonly [name: string, value: string])[];
}

export interface PageRow {
  readonly id: string;
  /** From the folder of all inputs. */
  readonly input: string;
  readonly output: string;
  /** Where the restored file lies, from the report. */
  readonly href?: string;
  readonly status: 'done' | 'failed';
  readonly seconds: number;
  readonly seed?: number;
  /** Noise level on a [0, 1] image, and whether it was estimated. */
  readonly sigma?: number;
  readonly sigmaEstimated?: boolean;
  readonly width?: number;
  readonly height?: number;
  /** Null where it equals the reference. */
  readonly psnr?: number | null;
  readonly ssim?: number;
  readonly error?: { readonly code: string; readonly message: string };
  readonly warnings?: readonly string[];
  /** Which thumbnails there are, as `latino-report/<id>-<picture>.webp`. */
  readonly pictures: readonly Picture[];
}

/** The measurement enlarged to the size of the result, or the result. */
export type Picture = 'before' | 'after';

export type Metric = 'seconds' | 'psnr' | 'ssim';

export interface PageHistogram {
  readonly metric: Metric;
  readonly label: string;
  readonly unit: string;
  /** Bin k is from `low + k * width` to `low + (k + 1) * width`. */
  readonly low: number;
  readonly width: number;
  readonly counts: readonly number[];
  readonly count: number;
  readonly smallest: number;
  readonly median: number;
  readonly largest: number;
}
