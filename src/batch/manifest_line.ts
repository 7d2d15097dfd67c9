import { z } from 'zod';
import { ManyMeasurement } from '../options.js';

/** A line of a manifest: an input, and what it has of its own. Files are found from the manifest's folder. */
export const ManifestLine = ManyMeasurement.omit({ calibrate: true, gammas: true }).extend({
  input: z.string('a path'),
  /** Where its result goes, from the output folder. */
  output: z.string('a path').optional(),
  /** As the command line spells it. */
  operator: z.string('an operator such as sr:8').optional(),
  /** A .safetensors file. */
  embedding: z.string('a path').optional(),
  /** What it should have become; it takes the place of a file of the reference folder. */
  reference: z.string('a path').optional(),
  calibrate: z.boolean().optional(),
});
export type ManifestLine = Readonly<z.output<typeof ManifestLine>>;
