import { fileURLToPath } from 'node:url';
import { LatinoError } from '../../errors.js';
import { Checkpoint, type Component } from '../checkpoint.js';
import { FolderFiles } from '../diffusers_folder.js';
import type { SafetensorsFile } from '../safetensors.js';
import { type FolderWeights, openWeightsFile } from '../weights_folder.js';
import { type Config, SD1, SDXL, scheduleConfig, textConfig, unetConfig, vaeConfig } from './configs.js';
import { lackingOf, partOf, requireCheckpoint } from './layout.js';

/** CLIP's, which all Stable Diffusion checkpoints have. */
const TOKENIZER = new FolderFiles(fileURLToPath(new URL('../../../models/clip-tokenizer', import.meta.url)));

const XL_PIPELINE = 'StableDiffusionXLPipeline';

/**
 * Opens a checkpoint in a single .safetensors file, in the layout of CompVis' latent-diffusion and Stability's generative-models: its weights by the
 * names of diffusers, configurations as diffusers would have written them.
 *
 * @param hasOtherVae whether another autoencoder takes the place of its own, which it then need not have
 * @throws LatinoError ERR_LATINO_MODEL when it is no whole checkpoint of Stable Diffusion 1.x or XL
 */
export async function openSingleFile(path: string, hasOtherVae = false): Promise<Checkpoint> {
  const { files } = await openWeightsFile(path);
  const [file] = files as [SafetensorsFile];
  const { isXl, prediction, hasZeroTerminalSnr } = requireCheckpoint(file, hasOtherVae);
  const family = isXl ? SDXL : SD1;
  const network = (component: string, className: string, config: (weights: FolderWeights) => Config): [string, Component] => {
    const weights = partOf(file, component)!;
    return [component, inFile(path, className, { 'config.json': config(weights) }, weights)];
  };
  const tokenizer = (name: string, padding = {}): [string, Component] => [name, tokenizerPadding(padding)];
  const scheduler = { 'scheduler_config.json': scheduleConfig(prediction, hasZeroTerminalSnr) };
  return new Checkpoint(
    path,
    'single-file',
    isXl ? XL_PIPELINE : 'StableDiffusionPipeline',
    new Map<string, Component>([
      // Which scheduler a model is meant for, such a file does not say.
      ['scheduler', inFile(path, 'SchedulerMixin', scheduler)],
      network('text_encoder', 'CLIPTextModel', ({ tensors }) => textConfig(tensors, 'quick_gelu', path)),
      tokenizer('tokenizer'),
      ...(isXl
        ? [
            network('text_encoder_2', 'CLIPTextModelWithProjection', ({ tensors }) => textConfig(tensors, 'gelu', path)),
            tokenizer('tokenizer_2', { pad_token: '!' }),
          ]
        : []),
      network('unet', 'UNet2DConditionModel', ({ tensors }) => unetConfig(tensors, family)),
      ...(partOf(file, 'vae') ? [network('vae', 'AutoencoderKL', ({ tensors }) => vaeConfig(tensors, family))] : []),
    ]),
  );
}

/** Whether a file has more than one network, and so is to be a whole checkpoint. */
export const isSingleFile = (file: SafetensorsFile): boolean =>
  ['unet', 'vae', 'text_encoder'].filter((component) => partOf(file, component) !== undefined).length > 1;

/**
 * A network that is built as `own`, with the weights of a file: of a network by itself, by the names of diffusers or of a single file, or of a whole
 * checkpoint.
 *
 * @throws LatinoError ERR_LATINO_MODEL when the file is a pickle, or damaged
 */
export async function openPartOf(own: Component, component: string, path: string): Promise<Component> {
  const opened = await openWeightsFile(path);
  const weights = partOf(opened.files[0]!, component) ?? opened;
  return { ...inFile(own.place, own.className, {}, weights), has: (file) => own.has(file), readText: (file) => own.readText(file) };
}

/**
 * An autoencoder in a file, for a checkpoint that has none to build it as: its configuration is made of its shapes, as that of a single file's.
 *
 * @throws LatinoError ERR_LATINO_MODEL when the file has none, is a pickle, or damaged
 */
export async function openVae(path: string, { pipelineClass }: Checkpoint): Promise<Component> {
  const opened = await openWeightsFile(path);
  const weights = partOf(opened.files[0]!, 'vae') ?? opened;
  const lacking = lackingOf('vae', weights);
  if (lacking !== undefined)
    throw new LatinoError('ERR_LATINO_MODEL', `Expected an autoencoder of Stable Diffusion in ${path} but it has no ${lacking}`);
  const config = vaeConfig(weights.tensors, pipelineClass === XL_PIPELINE ? SDXL : SD1);
  return inFile(path, 'AutoencoderKL', { 'config.json': config }, weights);
}

function inFile(place: string, className: string, configs: Readonly<Record<string, Config>>, weights?: FolderWeights): Component {
  const missing = (what: string) => new LatinoError('ERR_LATINO_MODEL', `${place} has no ${what}`);
  return {
    ...{ place, className },
    has: (file) => Object.hasOwn(configs, file),
    async readText(file) {
      if (!Object.hasOwn(configs, file)) throw missing(file);
      return JSON.stringify(configs[file]);
    },
    async weights() {
      if (!weights) throw missing('weights');
      return weights;
    },
    bytes: async () => 0,
  };
}

/** The embedded tokenizer with some of its settings changed. */
function tokenizerPadding(changes: Config): Component {
  return {
    ...inFile(TOKENIZER.place, 'CLIPTokenizer', {}),
    has: (file) => TOKENIZER.has(file),
    async readText(file) {
      const text = await TOKENIZER.readText(file);
      return file === 'tokenizer_config.json' ? JSON.stringify({ ...JSON.parse(text), ...changes }) : text;
    },
  };
}
