import { z } from 'zod';
import { CalibrateOptions, LoadOptions, RestoreManyOptions, readingOf } from '../options.js';
import type { BatchEvent } from './events.js';
import type { ImageSettings } from './identity.js';
import { parseShare } from './share.js';

const QueueOfWorkers = z.strictObject({
  /** `redis://host:port`, or `rediss://` for TLS. */
  url: z.string('redis://host:port'),
  /** `latino-native` by default; workers of another name do not see it. */
  name: z.string().min(1).default('latino-native'),
  /** The operator of all images as the command line spells it: files travel by their path. */
  operator: z.string().optional(),
  /** The file that the embedding of all images was loaded from. */
  embedding: z.string('a path').optional(),
});

export const BatchOptions = RestoreManyOptions.omit({ order: true, gammas: true }).extend({
  /** The output folder; it is made where there is none. Files keep the relative path of their input, the journal lies beside them. */
  out: z.string('a path'),
  /** Which model, and how; see `LoadOptions`. It is not loaded where nothing is left to do. */
  model: LoadOptions.omit({ signal: true, onProgress: true }).optional(),
  /** Of all outputs; by default that of the input, or png where that cannot be written. */
  format: z.enum(['png', 'jpg', 'webp', 'tif']).optional(),
  /** Bits a channel of PNG and TIFF: 8 (default) or 16. */
  bitDepth: z.union([z.literal(8), z.literal(16)]).optional(),
  /** A folder with what the images should have become, of the same relative paths: PSNR and SSIM go into the journal. */
  reference: z.string('a path').optional(),
  /** Calibrates one embedding on so many images of the batch first, and restores all with it. */
  calibrateOn: z.int().min(1).max(1024).optional(),
  /** How `calibrateOn` calibrates: a preset, or settings that differ from one. */
  calibration: CalibrateOptions.shape.settings,
  /** `i/n`: the i-th of n shares that do not overlap, each for a process of its own. */
  shard: z.string().transform(parseShare).optional(),
  /** Restores at most so many. */
  limit: z.int().min(0).optional(),
  /** Tries again what failed before; otherwise only where its input or an option has changed. */
  retryFailed: z.boolean().optional(),
  /** Has workers restore the images (`latino-native worker`), which see them under the same paths. */
  queue: QueueOfWorkers.optional(),
  /** Says what would be restored, and writes nothing. */
  dryRun: z.boolean().optional(),
  /** Called with what happens, as it happens. */
  onEvent: z.custom<(event: BatchEvent) => void>((value) => typeof value === 'function', 'a function').optional(),
});
export type BatchOptions = Readonly<z.input<typeof BatchOptions>>;
/** With every value checked. */
export type BatchSettings = z.output<typeof BatchOptions>;

/** What all images are restored with, unless they have something of their own. */
export function commonSettings(settings: BatchSettings): ImageSettings {
  const { operator, sigma, prompt, embedding, seed, steps, stepRule, start, result, calibrate, bitDepth } = settings;
  return { operator, sigma, prompt, embedding, seed, steps, stepRule, start, result, calibrate, bitDepth, ...readingOf(settings) };
}
