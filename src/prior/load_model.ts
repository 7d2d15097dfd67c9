import { openDiffusersFolder } from '../checkpoint/diffusers_folder.js';
import { Lora, type LoraOptions, withLoras } from '../checkpoint/lora.js';
import { loadSchedule } from '../checkpoint/schedule.js';
import { loadTokenizer } from '../checkpoint/tokenizer.js';
import { digestWeights } from '../checkpoint/weights_digest.js';
import type { Addon, Cancellation, Device, Session } from '../device/addon.js';
import { compile } from '../graph/compile.js';
import type { Graph } from '../graph/graph.js';
import { cpu } from '../graph/targets/cpu/cpu.js';
import { AUTOENCODERS } from '../networks/autoencoder.js';
import { CLIPTextConfig, clipTextGraph } from '../networks/clip_text.js';
import { UNet2DConditionConfig, unetGraph, unetVjpGraph } from '../networks/unet2d_condition.js';
import { allOrNone } from './all_or_none.js';
import { familyOf } from './families/families.js';
import { LatentModel } from './latent_model.js';
import { guidanceOf, requireClass, requireFittingParts } from './model_parts.js';
import { TextEncoder } from './text_encoder.js';

export interface ModelOptions {
  /** CPU threads; every core by default. */
  readonly threads?: number;
  /** Folder of an autoencoder that takes the place of the model's own. */
  readonly vae?: string;
  /** Changes of the UNet's and the text encoder's weights. */
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
  const own = await openDiffusersFolder(folder);
  const checkpoint = options.vae === undefined ? own : await own.with('vae', options.vae);
  requireClass(checkpoint, 'unet', ['UNet2DConditionModel']);
  const vaeClass = requireClass(checkpoint, 'vae', Object.keys(AUTOENCODERS));
  requireClass(checkpoint, 'text_encoder', ['CLIPTextModel']);

  const [schedule, tokenizer, unetConfig, vae, textConfig, folderWeights, vaeWeights, loras] = await Promise.all([
    loadSchedule(checkpoint.component('scheduler')),
    loadTokenizer(checkpoint.component('tokenizer')),
    checkpoint.readConfig('unet').then((config) => UNet2DConditionConfig.parse(config)),
    checkpoint.readConfig('vae').then((config) => AUTOENCODERS[vaeClass]!(config)),
    checkpoint.readConfig('text_encoder').then((config) => CLIPTextConfig.parse(config)),
    checkpoint.weights('unet'),
    checkpoint.weights('vae'),
    Lora.openAll(options.loras),
  ]);
  const family = familyOf(unetConfig, folder);
  const unetWeights = await withLoras('unet', folderWeights, loras);
  const textWeights = () => checkpoint.weights('text_encoder');
  // Opened now, so that what does not fit is told now; without LoRAs not before there is a prompt.
  const changedText = loras.length > 0 ? await withLoras('text_encoder', await textWeights(), loras) : undefined;
  requireFittingParts(folder, unetConfig, vae, textConfig, tokenizer);
  const guidance = guidanceOf(unetConfig, options.guidance);

  const open = async (graph: Graph, cancellation?: Cancellation): Promise<Session> => {
    const { model, options: weights } = compile(graph, cpu);
    return addon.createSession(device, model, { ...weights, threads: options.threads, cancellation });
  };
  // Built before any session is begun: what is wrong with a later graph leaves none behind.
  const graphs = [unetGraph(unetConfig, unetWeights, { guidance }), vae.encoder(vaeWeights), vae.decoder(vaeWeights)];
  const sessions = await allOrNone(graphs.map((graph) => open(graph, options.cancellation)));
  const [unet, encoder, decoder] = sessions as [Session, Session, Session];

  const openText = async () => open(clipTextGraph(textConfig, changedText ?? (await textWeights())));
  let digest: Promise<string> | undefined;
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
    textEncoder: new TextEncoder(device, tokenizer, textConfig.hidden_size, openText),
    embeddingChannels: unetConfig.cross_attention_dim,
    textEncoderDigest: () => {
      digest ??= textWeights().then(({ tensors }) => digestWeights(tensors));
      return digest;
    },
  });
}
