import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LatinoError } from '../errors.js';
import { THUMBNAILS } from './report/thumbnails.js';

/** What a folder holds. */
export interface Found {
  readonly path: string;
  /** From the folder, with `/` between names. */
  readonly name: string;
  /** Why it cannot be looked into. */
  readonly problem?: LatinoError;
}

export interface WalkOptions {
  /** Whether a file is looked for, by its name from the root. */
  readonly accepts: (name: string) => boolean;
  /** Whether a folder of this name is taken for an image that is none, and found. */
  readonly isImageName: (name: string) => boolean;
  /** How many folders deep files are looked for, the root included; all of them by default. */
  readonly depth?: number;
  /** Real path of a folder that is left out. */
  readonly except?: string;
}

/**
 * The files of a folder and those below it, in the order of their names; one folder's names are in memory at a time. Symbolic links are followed, those
 * that lead back to a folder above are found as a problem. Hidden files and folders are left out, and so are thumbnails of a report.
 */
export async function* walk(root: string, options: WalkOptions): AsyncGenerator<Found> {
  yield* visit(root, '', [await realpath(root)], options);
}

async function* visit(folder: string, prefix: string, above: readonly string[], options: WalkOptions): AsyncGenerator<Found> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (cause) {
    yield { path: folder, name: prefix.slice(0, -1), problem: unreadable(folder, (cause as Error).message) };
    return;
  }
  for (const leaf of names.filter((each) => !each.startsWith('.') && each !== THUMBNAILS).sort()) {
    const found = { path: join(folder, leaf), name: `${prefix}${leaf}` };
    // A link that leads nowhere has no stats: whoever opens it says why.
    const isFolder = (await stat(found.path).catch(() => undefined))?.isDirectory() ?? false;
    if (!isFolder || options.isImageName(leaf)) {
      if (options.accepts(found.name)) yield found;
      continue;
    }
    if (above.length >= (options.depth ?? Infinity)) continue;
    const real = await realpath(found.path);
    if (real === options.except) continue;
    if (above.includes(real)) yield { ...found, problem: unreadable(found.path, `it leads back to ${real}, which holds it`) };
    else yield* visit(found.path, `${found.name}/`, [...above, real], options);
  }
}

const unreadable = (path: string, reason: string): LatinoError =>
  new LatinoError('ERR_LATINO_IMAGE', `Expected a folder of images but cannot look into ${path}: ${reason}`);
