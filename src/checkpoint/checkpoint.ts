import { LatinoError } from '../errors.js';
import { elementCount } from '../graph/weights.js';
import { parseJson } from './json_file.js';
import type { FolderWeights } from './weights_folder.js';

/** Components whose weights a restoration reads. Others, such as a safety checker, may be of any kind. */
export const USED: readonly string[] = ['unet', 'vae', 'text_encoder', 'text_encoder_2'];

/** Small files by their names: those of a folder, or what stands for them where a component lies in one file with the others. */
export interface TextFiles {
  /** Where they lie, for messages. */
  readonly place: string;
  has(file: string): boolean;
  /** @throws LatinoError ERR_LATINO_MODEL when it cannot be read */
  readText(file: string): Promise<string>;
}

/** A part of a model: its configuration and its weights, wherever they lie. */
export interface Component extends TextFiles {
  /** In diffusers or transformers. */
  readonly className: string;
  /** @throws LatinoError ERR_LATINO_MODEL when there are none that can be read */
  weights(): Promise<FolderWeights>;
  /** Of all its files, where it has no weights. */
  bytes(): Promise<number>;
}

export interface ComponentDescription {
  readonly name: string;
  readonly className: string;
  /** Whether a restoration reads its weights. */
  readonly used: boolean;
  /** Numbers in all weights; 0 for a component without weights; an unused one may have none that we read. */
  readonly parameters: number;
  readonly dtypes: readonly string[];
  /** Of the weights' files, or of all files of a component without weights; of the weights themselves where all lie in one file. */
  readonly bytes: number;
}

/** How a model lies on the disk: a folder for each component, as diffusers writes it, or one file with all of them. */
export type Layout = 'diffusers' | 'single-file';

export interface CheckpointDescription {
  readonly path: string;
  readonly layout: Layout;
  /** The pipeline's class in diffusers. */
  readonly className: string;
  readonly components: readonly ComponentDescription[];
}

/** A model on the disk, by its components. */
export class Checkpoint {
  constructor(
    readonly path: string,
    readonly layout: Layout,
    /** The pipeline's class in diffusers. */
    readonly pipelineClass: string,
    private readonly components: ReadonlyMap<string, Component>,
  ) {}

  /** The model with another component in the place of its own. */
  with(name: string, component: Component): Checkpoint {
    return new Checkpoint(this.path, this.layout, this.pipelineClass, new Map([...this.components, [name, component]]));
  }

  /** The component's class in diffusers or transformers. */
  className(component: string): string | undefined {
    return this.components.get(component)?.className;
  }

  /** @throws LatinoError ERR_LATINO_MODEL when the model has no such component. */
  component(name: string): Component {
    const component = this.components.get(name);
    if (component) return component;
    const names = [...this.components.keys()].join(', ');
    throw new LatinoError('ERR_LATINO_MODEL', `${this.path} has no ${name}, expected one beside ${names}`);
  }

  /** The component's config.json. @throws LatinoError ERR_LATINO_MODEL when it is missing or not JSON. */
  async readConfig(component: string): Promise<unknown> {
    return readJson(this.component(component), 'config.json');
  }

  /** The component's weights; the fp16 variant only where the plain file is missing. @throws LatinoError ERR_LATINO_MODEL */
  async weights(component: string): Promise<FolderWeights> {
    return this.component(component).weights();
  }

  /** @throws LatinoError ERR_LATINO_MODEL when a used component has no weights that can be read. */
  async describe(): Promise<CheckpointDescription> {
    const all = await Promise.all([...this.components].map(([name, component]) => describeComponent(name, component)));
    // Tokenizers and the schedule of a single file are not in it.
    const components = this.layout === 'single-file' ? all.filter(({ parameters }) => parameters > 0) : all;
    return { path: this.path, layout: this.layout, className: this.pipelineClass, components };
  }
}

/** The value of a JSON file. @throws LatinoError ERR_LATINO_MODEL when it cannot be read or is not JSON. */
export const readJson = async (files: TextFiles, file: string): Promise<unknown> =>
  parseJson(await files.readText(file), `${files.place}/${file}`);

async function describeComponent(name: string, component: Component): Promise<ComponentDescription> {
  const { className } = component;
  const used = USED.includes(name);
  const weights = await component.weights().catch((error: unknown) => {
    if (used) throw error;
    return undefined;
  });
  // Schedulers, tokenizers and image processors have none, an unused network may have only pickles.
  if (!weights) return { name, className, used, parameters: 0, dtypes: [], bytes: await component.bytes() };
  const infos = [...weights.tensors.values()];
  return {
    name,
    className,
    used,
    parameters: infos.reduce((sum, { shape }) => sum + elementCount(shape), 0),
    dtypes: [...new Set(infos.map(({ dtype }) => dtype))].sort(),
    bytes: weights.bytes,
  };
}
