import type { Latino } from '../latino.js';
import type { ServiceSettings } from './options.js';
import type { Places } from './places.js';
import type { Restorations } from './restorations.js';
import type { ScratchFolder } from './scratch_folder.js';

/** What the routes of a service share. */
export interface Context {
  readonly latino: Latino;
  readonly restorations: Restorations;
  readonly folder: ScratchFolder;
  readonly settings: ServiceSettings;
  /** Forms that are received at a time. */
  readonly uploads: Places;
  /** Pictures that are worked on outside the queue at a time. */
  readonly quick: Places;
}
