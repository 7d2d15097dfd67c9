import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { LatinoError } from '../errors.js';
import { Checkpoint, type Component, type TextFiles } from './checkpoint.js';
import { resolveModelFolder } from './hugging_face_cache.js';
import { readModelJson, readModelText } from './json_file.js';
import { type FolderWeights, openWeights } from './weights_folder.js';

const ClassPair = z.tuple([z.string(), z.string()]);

/** Of model_index.json, and of a component's config.json. */
const Named = z.looseObject({ _class_name: z.string() });

/** The small files of a folder. */
export class FolderFiles implements TextFiles {
  constructor(readonly place: string) {}

  has(file: string): boolean {
    return existsSync(join(this.place, file));
  }

  readText(file: string): Promise<string> {
    return readModelText(join(this.place, file));
  }
}

class FolderComponent extends FolderFiles implements Component {
  constructor(
    folder: string,
    readonly className: string,
  ) {
    super(folder);
  }

  /** The fp16 variant only where the plain file is missing. */
  weights(): Promise<FolderWeights> {
    return openWeights(this.place);
  }

  async bytes(): Promise<number> {
    if (!existsSync(this.place)) return 0;
    // A link that leads nowhere is no file.
    const files = await Promise.all((await readdir(this.place)).map((name) => stat(join(this.place, name)).catch(() => undefined)));
    return files.reduce((sum, file) => sum + (file?.isFile() ? file.size : 0), 0);
  }
}

/**
 * Opens a diffusers folder, or a model in Hugging Face's cache by its path there or its name.
 *
 * @throws LatinoError ERR_LATINO_MODEL when the path is none
 */
export async function openDiffusersFolder(path: string): Promise<Checkpoint> {
  const folder = await resolveModelFolder(path);
  const indexPath = join(folder, 'model_index.json');
  if (!existsSync(indexPath)) {
    const found = existsSync(folder) ? 'it has no model_index.json' : 'it does not exist';
    throw new LatinoError('ERR_LATINO_MODEL', `Expected a diffusers folder or a checkpoint in one file at ${folder} but ${found}`);
  }
  const index = Named.safeParse(await readModelJson(indexPath));
  if (!index.success) throw new LatinoError('ERR_LATINO_MODEL', `${indexPath} has no _class_name, expected the index of a diffusers model`);
  const components = new Map<string, Component>();
  for (const [name, value] of Object.entries(index.data)) {
    const pair = ClassPair.safeParse(value);
    // A component's name is a folder's name: one with a separator would lead out of the model.
    if (pair.success && /^\w+$/.test(name)) components.set(name, new FolderComponent(join(folder, name), pair.data[1]));
  }
  if (components.size === 0) throw new LatinoError('ERR_LATINO_MODEL', `${indexPath} names no components, expected at least a unet`);
  return new Checkpoint(folder, 'diffusers', index.data._class_name, components);
}

/** A network's folder by itself, as diffusers saves one. @throws LatinoError ERR_LATINO_MODEL when it has no config.json that names a class */
export async function openComponentFolder(folder: string): Promise<Component> {
  const path = join(folder, 'config.json');
  const config = Named.safeParse(await readModelJson(path));
  if (config.success) return new FolderComponent(folder, config.data._class_name);
  throw new LatinoError('ERR_LATINO_MODEL', `${path} has no _class_name, expected the configuration of a diffusers network`);
}
