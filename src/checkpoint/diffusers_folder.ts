import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { LatinoError } from '../errors.js';
import { elementCount } from '../graph/weights.js';
import { resolveModelFolder } from './hugging_face_cache.js';
import { readModelJson } from './json_file.js';
import { type FolderWeights, openWeights, openWeightsFile } from './weights_folder.js';

const Component = z.tuple([z.string(), z.string()]);
/** The components whose weights a restoration reads. Others, such as a safety checker, may be of any kind. */
const USED = new Set(['unet', 'vae', 'text_encoder', 'text_encoder_2']);

/** Of model_index.json, and of a component's config.json. */
const Named = z.looseObject({ _class_name: z.string() });

export interface ComponentDescription {
  readonly name: string;
  readonly className: string;
  /** Whether a restoration reads its weights. */
  readonly used: boolean;
  /** Numbers in all weights; 0 for a component without weights; an unused one may have none that we read. */
  readonly parameters: number;
  readonly dtypes: readonly string[];
  /** Of the weights' files, or of all files of a component without weights. */
  readonly bytes: number;
}

export interface CheckpointDescription {
  readonly path: string;
  /** The pipeline's class in diffusers. */
  readonly className: string;
  readonly components: readonly ComponentDescription[];
}

/** A model as diffusers writes it: model_index.json and a folder per component. */
export class DiffusersFolder {
  constructor(
    readonly path: string,
    /** The pipeline's class in diffusers. */
    readonly pipelineClass: string,
    /** Class by component; those that the index leaves null are not there. */
    readonly classNames: ReadonlyMap<string, string>,
    /** Components that lie elsewhere, or whose weights do. */
    private readonly elsewhere: ReadonlyMap<string, { readonly folder: string } | { readonly file: string }> = new Map(),
  ) {}

  /**
   * The model with a component from elsewhere: a folder, as diffusers saves one by itself, or a .safetensors file with the weights of a network
   * that is built as the model's own, as DMD2's UNet is published.
   *
   * @throws LatinoError ERR_LATINO_MODEL when the folder has no config.json that names a class, or there is no such component to be built alike
   */
  async with(component: string, path: string): Promise<DiffusersFolder> {
    const folder = await resolveModelFolder(path);
    const withPart = (classNames: ReadonlyMap<string, string>, part: { folder: string } | { file: string }) =>
      new DiffusersFolder(this.path, this.pipelineClass, classNames, new Map([...this.elsewhere, [component, part]]));
    if (await isFile(folder)) {
      this.component(component);
      return withPart(this.classNames, { file: folder });
    }
    const configPath = join(folder, 'config.json');
    const config = Named.safeParse(await readModelJson(configPath));
    if (!config.success)
      throw new LatinoError('ERR_LATINO_MODEL', `${configPath} has no _class_name, expected the configuration of a diffusers network`);
    return withPart(new Map([...this.classNames, [component, config.data._class_name]]), { folder });
  }

  /** The component's class in diffusers or transformers. */
  className(component: string): string | undefined {
    return this.classNames.get(component);
  }

  /** The component's folder. @throws LatinoError ERR_LATINO_MODEL when the model has no such component. */
  component(name: string): string {
    if (!this.classNames.has(name)) {
      throw new LatinoError(
        'ERR_LATINO_MODEL',
        `${this.path} has no ${name}, expected one beside ${[...this.classNames.keys()].join(', ')}`,
      );
    }
    const part = this.elsewhere.get(name);
    return part && 'folder' in part ? part.folder : join(this.path, name);
  }

  /** The component's config.json. @throws LatinoError ERR_LATINO_MODEL when it is missing or not JSON. */
  async readConfig(component: string): Promise<unknown> {
    return readModelJson(join(this.component(component), 'config.json'));
  }

  /** The component's weights; the fp16 variant only where the plain file is missing. @throws LatinoError ERR_LATINO_MODEL */
  async weights(component: string): Promise<FolderWeights> {
    const part = this.elsewhere.get(component);
    return part && 'file' in part ? openWeightsFile(part.file) : openWeights(this.component(component));
  }

  /** @throws LatinoError ERR_LATINO_MODEL when a used component has no weights that can be read. */
  async describe(): Promise<CheckpointDescription> {
    const components = await Promise.all([...this.classNames].map(([name, className]) => this.describeComponent(name, className)));
    return { path: this.path, className: this.pipelineClass, components };
  }

  private async describeComponent(name: string, className: string): Promise<ComponentDescription> {
    const folder = this.component(name);
    const used = USED.has(name);
    const weights = await this.weights(name).catch((error: unknown) => {
      if (used) throw error;
      return undefined;
    });
    // Schedulers, tokenizers and image processors have none, an unused network may have only pickles.
    if (!weights) return { name, className, used, parameters: 0, dtypes: [], bytes: await folderBytes(folder) };
    const { tensors, files } = weights;
    const infos = [...tensors.values()];
    return {
      name,
      className,
      used,
      parameters: infos.reduce((sum, { shape }) => sum + elementCount(shape), 0),
      dtypes: [...new Set(infos.map(({ dtype }) => dtype))].sort(),
      bytes: files.reduce((sum, { size }) => sum + size, 0),
    };
  }
}

/**
 * Opens a diffusers folder, or a model in Hugging Face's cache by its path there or its name.
 *
 * @throws LatinoError ERR_LATINO_MODEL when the path is none
 */
export async function openDiffusersFolder(path: string): Promise<DiffusersFolder> {
  const folder = await resolveModelFolder(path);
  const indexPath = join(folder, 'model_index.json');
  if (!existsSync(indexPath)) {
    const found = existsSync(folder) ? 'it has no model_index.json' : 'it does not exist';
    throw new LatinoError('ERR_LATINO_MODEL', `Expected a diffusers model folder at ${folder} but ${found}`);
  }
  const index = Named.safeParse(await readModelJson(indexPath));
  if (!index.success) throw new LatinoError('ERR_LATINO_MODEL', `${indexPath} has no _class_name, expected the index of a diffusers model`);
  const classNames = new Map<string, string>();
  for (const [name, value] of Object.entries(index.data)) {
    const component = Component.safeParse(value);
    // A component's name is a folder's name: one with a separator would lead out of the model.
    if (component.success && /^\w+$/.test(name)) classNames.set(name, component.data[1]);
  }
  if (classNames.size === 0) throw new LatinoError('ERR_LATINO_MODEL', `${indexPath} names no components, expected at least a unet`);
  return new DiffusersFolder(folder, index.data._class_name, classNames);
}

/** What takes the place of a model's own parts: folders or files, as `DiffusersFolder.with` takes them. */
export interface ReplacedParts {
  readonly unet?: string;
  readonly vae?: string;
  readonly textEncoder?: string;
  readonly textEncoder2?: string;
}

/** @throws LatinoError ERR_LATINO_MODEL as `openDiffusersFolder` and `DiffusersFolder.with` do */
export async function openCheckpoint(path: string, { unet, vae, textEncoder, textEncoder2 }: ReplacedParts = {}): Promise<DiffusersFolder> {
  let checkpoint = await openDiffusersFolder(path);
  for (const [component, part] of Object.entries({ unet, vae, text_encoder: textEncoder, text_encoder_2: textEncoder2 }))
    if (part !== undefined) checkpoint = await checkpoint.with(component, part);
  return checkpoint;
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (stats) => stats.isFile(),
    () => false,
  );

async function folderBytes(folder: string): Promise<number> {
  if (!existsSync(folder)) return 0;
  // A link that leads nowhere is no file.
  const files = await Promise.all((await readdir(folder)).map((name) => stat(join(folder, name)).catch(() => undefined)));
  return files.reduce((sum, file) => sum + (file?.isFile() ? file.size : 0), 0);
}
