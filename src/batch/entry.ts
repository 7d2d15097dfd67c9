import type { LatinoError } from '../errors.js';
import type { ManifestLine } from './manifest_line.js';

/** An image of a batch before anything of it is read. */
export interface BatchEntry {
  /** The file; of a manifest's line that does not parse, where it stands. */
  readonly path: string;
  /** What the output is called, with the input's extension, relative to the output folder, with `/` between names. */
  readonly name: string;
  /** What the manifest says of it. */
  readonly line?: ManifestLine;
  /** Folder from which the files that the manifest names are found. */
  readonly base?: string;
  /** Why there is nothing to restore. */
  readonly problem?: LatinoError;
}
