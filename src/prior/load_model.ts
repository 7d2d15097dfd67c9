import { type DiffusersFolder, openCheckpoint, type ReplacedParts } from '../checkpoint/diffusers_folder.js';
import { Lora, type LoraOptions, withLoras } from '../checkpoint/lora.js';
import { loadSchedule } from '../checkpoint/schedule.js';
import { type CLIPTokenizer, loadTokenizer } from '../checkpoint/tokenizer.js';
import { digestWeights } from '../checkpoint/weights_digest.js';
import type { Addon, Cancellation, Device, Session, Shape } from '../device/addon.js';
import { compile } from '../graph/compile.js';
import type { Graph } from '../graph/graph.js';
import { cpu } from '../graph/targets/cpu/cpu.js';
import type { WeightStore } from '../graph/weights.js';
import { AUTOENCODERS } from '../networks/autoencoder.js';
import { CLIPTextConfig, clipTextGraph } from '../networks/clip_text.js';
import { UNet2DConditionConfig, unetGraph, unetVjpGraph } from '../networks/unet2d_condition.js';
import { allOrNone } from './all_or_none.js';
import { familyOf } from './families/families.js';
import type { TextEncoderPart } from './families/family.js';
import { LatentModel } from './latent_model.js';
import { guidanceOf, requireClass, requireFittingParts } from './model_parts.js';
import { type LoadedTextEncoder, PromptEncoder } from './prompt_encoder.js';
import { TextEncoder } from './text_encoder.js';

export interface ModelOptions extends ReplacedParts {
  /** CPU threads; every core by default. */
  readonly threads?: number;
  /** Changes of the weights of UNet and text encoders. */
  readonly loras?: readonly (string | LoraOptions)[];
  /** The guidance scale, 1 or more, of a UNet that has it as an input (time_cond_proj_dim). */
  readonly guidance?: number;
  /** Stops the load. */
  readonly cancellation?: Cancellation;
}

/**
 * Loads a diffusers folder as a prior.
 *
 * @throws LatinoError ERR_LATINO_MODEL when the folder holds no model of the supported classes, or parts that do not fit together;
 * ERR_LATINO_ARGUMENT when there is a guidance scale that the model cannot take; ERR_LATINO_CANCELLED
 */
export async function loadModel(addon: Addon, device: Device, folder: string, options: ModelOptions = {}): Promise<LatentModel> {
  const checkpoint = await openCheckpoint(folder, options);
  requireClass(checkpoint, 'unet', ['UNet2DConditionModel']);
  const vaeClass = requireClass(checkpoint, 'vae', Object.keys(AUTOENCODERS));

  const [schedule, unetConfig, vae, folderWeights, vaeWeights, loras] = await Promise.all([
    loadSchedule(checkpoint.component('scheduler')),
    checkpoint.readConfig('unet').then((config) => UNet2DConditionConfig.parse(config)),
    checkpoint.readConfig('vae').then((config) => AUTOENCODERS[vaeClass]!(config)),
    checkpoint.weights('unet'),
    checkpoint.weights('vae'),
    Lora.openAll(options.loras),
  ]);
  const family = familyOf(unetConfig);
  const unetWeights = await withLoras('unet', folderWeights, loras);
  const texts = await Promise.all(family.textEncoders.map((part) => readTextEncoder(checkpoint, part, loras)));
  requireFittingParts(folder, unetConfig, vae, texts);
  const guidance = guidanceOf(unetConfig, options.guidance);

  const open = async (graph: Graph, cancellation?: Cancellation): Promise<Session> => {
    const { model, options: weights } = compile(graph, cpu);
    return addon.createSession(device, model, { ...weights, threads: options.threads, cancellation });
  };
  // Built before any session is begun: what is wrong with a later graph leaves none behind.
  const graphs = [unetGraph(unetConfig, unetWeights, { guidance }), vae.encoder(vaeWeights), vae.decoder(vaeWeights)];
  const sessions = await allOrNone(graphs.map((graph) => open(graph, options.cancellation)));
  const [unet, encoder, decoder] = sessions as [Session, Session, Session];

  return new LatentModel(addon, device, {
    family,
    nativeSize: Math.max(...[unetConfig.sample_size ?? family.sampleSize].flat()) * vae.downscaling,
    alphaCumprod: (t) => schedule.alphaCumprod(t),
    unet,
    openReverse: async () => open(unetVjpGraph(unetConfig, unetWeights, { wrt: ['encoder_hidden_states'], guidance })),
    encoder,
    decoder,
    latentChannels: vae.latentChannels,
    downscaling: vae.downscaling,
    multiple: vae.downscaling * 2 ** (unetConfig.block_out_channels.length - 1),
    promptEncoder: new PromptEncoder(
      addon,
      texts.map((text) => loadedTextEncoder(device, text, open)),
    ),
  });
}

/** What is known of a text encoder before there is a prompt. */
interface TextEncoderFiles {
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

function loadedTextEncoder(
  device: Device,
  { part, tokenizer, config, weights, digest }: TextEncoderFiles,
  open: (graph: Graph) => Promise<Session>,
): LoadedTextEncoder {
  const { hidden_size: width, projection_dim: pooledWidth } = config;
  const outputs: Record<string, Shape> = {
    [part.states]: [1, tokenizer.maxLength, width],
    ...(part.isPooled && { text_embeds: [1, pooledWidth] }),
  };
  const encoder = new TextEncoder(device, tokenizer, outputs, async () => open(clipTextGraph(config, await weights())));
  return { part, encoder, width, digest, ...(part.isPooled && { pooledWidth }) };
}
