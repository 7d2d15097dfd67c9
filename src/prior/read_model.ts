import { type DiffusersFolder, openCheckpoint, type ReplacedParts } from '../checkpoint/diffusers_folder.js';
import { Lora, type LoraOptions, withLoras } from '../checkpoint/lora.js';
import { loadSchedule, type Schedule } from '../checkpoint/schedule.js';
import { type CLIPTokenizer, loadTokenizer } from '../checkpoint/tokenizer.js';
import { digestWeights } from '../checkpoint/weights_digest.js';
import type { Target } from '../graph/compile.js';
import type { Graph } from '../graph/graph.js';
import type { WeightStore } from '../graph/weights.js';
import { AUTOENCODERS, type Autoencoder } from '../networks/autoencoder.js';
import { CLIPTextConfig, clipTextGraph } from '../networks/clip_text.js';
import { UNet2DConditionConfig, type UNetOptions, unetGraph, unetVjpGraph } from '../networks/unet2d_condition.js';
import { familyOf } from './families/families.js';
import type { Family, TextEncoderPart } from './families/family.js';
import { guidanceOf, requireClass, requireFittingParts } from './model_parts.js';

/** What of a model is taken from where. */
export interface ModelSource extends ReplacedParts {
  /** Changes of the weights of UNet and text encoders. */
  readonly loras?: readonly (string | LoraOptions)[];
  /** The guidance scale, 1 or more, of a UNet that has it as an input (time_cond_proj_dim). */
  readonly guidance?: number;
}

/** A model as its files describe it, whose parts fit together: all that is known without reading a weight. */
export interface ModelFiles {
  readonly family: Family;
  readonly schedule: Schedule;
  readonly unet: { readonly config: UNet2DConditionConfig; readonly weights: WeightStore };
  readonly vae: { readonly network: Autoencoder; readonly weights: WeightStore };
  readonly texts: readonly TextEncoderFiles[];
  /** What is built into the UNet, where it takes one. */
  readonly guidance?: number;
  /** Side in pixels of the square images that the UNet was trained on. */
  readonly nativeSize: number;
  /** Image sides that the networks can halve as often as they do are multiples of this. */
  readonly multiple: number;
}

/**
 * Reads a diffusers folder's configurations and the headers of its weights.
 *
 * @throws LatinoError ERR_LATINO_MODEL when the folder holds no model of the supported classes, or parts that do not fit together;
 * ERR_LATINO_ARGUMENT when there is a guidance scale that the model cannot take
 */
export async function readModel(folder: string, source: ModelSource = {}): Promise<ModelFiles> {
  const checkpoint = await openCheckpoint(folder, source);
  requireClass(checkpoint, 'unet', ['UNet2DConditionModel']);
  const vaeClass = requireClass(checkpoint, 'vae', Object.keys(AUTOENCODERS));
  const [schedule, config, network, folderWeights, vaeWeights, loras] = await Promise.all([
    loadSchedule(checkpoint.component('scheduler')),
    checkpoint.readConfig('unet').then((json) => UNet2DConditionConfig.parse(json)),
    checkpoint.readConfig('vae').then((json) => AUTOENCODERS[vaeClass]!(json)),
    checkpoint.weights('unet'),
    checkpoint.weights('vae'),
    Lora.openAll(source.loras),
  ]);
  const family = familyOf(config);
  const weights = await withLoras('unet', folderWeights, loras);
  const texts = await Promise.all(family.textEncoders.map((part) => readTextEncoder(checkpoint, part, loras)));
  requireFittingParts(folder, config, network, texts);
  return {
    family,
    schedule,
    unet: { config, weights },
    vae: { network, weights: vaeWeights },
    texts,
    guidance: guidanceOf(config, source.guidance),
    nativeSize: Math.max(...[config.sample_size ?? family.sampleSize].flat()) * network.downscaling,
    multiple: network.downscaling * 2 ** (config.block_out_channels.length - 1),
  };
}

/**
 * The networks of every step. Building them looks for every weight that they have.
 *
 * @throws LatinoError ERR_LATINO_MODEL when one is missing, or of another shape
 */
export function stepGraphs(files: ModelFiles): Record<'unet' | 'encoder' | 'decoder', Graph> {
  const { unet, vae } = files;
  return {
    unet: unetGraph(unet.config, unet.weights, unetOptions(files)),
    encoder: vae.network.encoder(vae.weights),
    decoder: vae.network.decoder(vae.weights),
  };
}

/** The UNet with the derivative that calibration needs. @throws LatinoError ERR_LATINO_MODEL as `stepGraphs` does */
export const reverseGraph = (files: ModelFiles, { withoutLoops }: Target): Graph =>
  unetVjpGraph(files.unet.config, files.unet.weights, { ...unetOptions(files), wrt: ['encoder_hidden_states'], withoutLoops });

const unetOptions = ({ guidance, schedule }: ModelFiles): UNetOptions => ({
  guidance,
  ...(schedule.prediction === 'v_prediction' && { velocity: schedule.alphasCumprod }),
});

/** The network of a text encoder. @throws LatinoError ERR_LATINO_MODEL as `stepGraphs` does */
export const textGraph = async ({ config, weights }: TextEncoderFiles): Promise<Graph> => clipTextGraph(config, await weights());

/** What is known of a text encoder before there is a prompt. */
export interface TextEncoderFiles {
  readonly part: TextEncoderPart;
  readonly tokenizer: CLIPTokenizer;
  readonly config: CLIPTextConfig;
  /** Opened on first use, where no LoRA changes them. */
  readonly weights: () => Promise<WeightStore>;
  readonly digest: () => Promise<string>;
}

async function readTextEncoder(checkpoint: DiffusersFolder, part: TextEncoderPart, loras: readonly Lora[]): Promise<TextEncoderFiles> {
  requireClass(checkpoint, part.component, [part.className]);
  const [tokenizer, config] = await Promise.all([
    loadTokenizer(checkpoint.component(part.tokenizer)),
    checkpoint.readConfig(part.component).then((json) => CLIPTextConfig.parse(json)),
  ]);
  const own = () => checkpoint.weights(part.component);
  // Opened now, so that what does not fit is told now; without LoRAs not before there is a prompt.
  const changed = loras.length > 0 ? await withLoras(part.component, await own(), loras) : undefined;
  let digest: Promise<string> | undefined;
  return {
    part,
    tokenizer,
    config,
    weights: async () => changed ?? own(),
    digest: () => {
      digest ??= own().then(({ tensors }) => digestWeights(tensors));
      return digest;
    },
  };
}
