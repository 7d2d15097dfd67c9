import { z } from 'zod';
import { LoadOptions, RestoreOptions } from '../../options.js';
import { ManifestLine } from '../manifest_line.js';

/** Options of all images as they travel: operators by their spelling, embeddings by their path. */
export const SpelledSettings = ManifestLine.omit({ input: true, output: true, reference: true, calibrate: true }).extend({
  calibrate: RestoreOptions.shape.calibrate,
  bitDepth: z.union([z.literal(8), z.literal(16)]).optional(),
});
export type SpelledSettings = Readonly<z.output<typeof SpelledSettings>>;

/** An image as it travels to a worker: where its files are and how it is to be restored, never what is in them. All paths are absolute. */
export const QueuedJob = z.strictObject({
  version: z.literal(1),
  /** Hash of the input's bytes, the options and the model. A worker that comes to another one does not have the same files. */
  id: z.string(),
  input: z.string(),
  output: z.string(),
  /** Where the output is begun. */
  temporaries: z.string(),
  reference: z.string().optional(),
  model: LoadOptions.omit({ signal: true, device: true, threads: true, memory: true }).optional(),
  settings: SpelledSettings,
  /** Folder from which files that the settings name are found. */
  settingsBase: z.string(),
  /** What a manifest says of the image, and the manifest's folder. */
  line: ManifestLine.optional(),
  lineBase: z.string().optional(),
});
export type QueuedJob = Readonly<z.output<typeof QueuedJob>>;
