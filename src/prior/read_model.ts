import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { Lora, type LoraOptions, withLoras } from '../checkpoint/lora.js';
import { openCheckpoint, type ReplacedParts, STEP_AUTOENCODER } from '../checkpoint/open_checkpoint.js';
import { digestWeights } from '../checkpoint/weights_digest.js';
import type { Target } from '../graph/compile.js';
import type { Graph } from '../graph/graph.js';
import type { WeightStore } from '../graph/weights.js';
import type { Autoencoder } from '../networks/autoencoder.js';
import { clipTextGraph } from '../networks/clip_text.js';
import { type UNet2DConditionConfig, type UNetOptions, unetGraph, unetVjpGraph } from '../networks/unet2d_condition.js';
import { type ModelStructure, readStructure, type TextEncoderStructure } from './model_structure.js';

/** What of a model is taken from where. */
export interface ModelSource extends ReplacedParts {
  /** Changes of the weights of UNet and text encoders. */
  readonly loras?: readonly (string | LoraOptions)[];
  /** The guidance scale, 1 or more, of a UNet that has it as an input (time_cond_proj_dim). */
  readonly guidance?: number;
}

export interface AutoencoderFiles {
  readonly network: Autoencoder;
  readonly weights: WeightStore;
}

/** A model as its files describe it, whose parts fit together: all that is known without reading a weight. */
export interface ModelFiles extends Omit<ModelStructure, 'unet' | 'vae' | 'stepAutoencoder' | 'texts'> {
  readonly unet: { readonly config: UNet2DConditionConfig; readonly weights: WeightStore };
  readonly vae: AutoencoderFiles;
  /** Of the steps before the last, where that is another. */
  readonly stepAutoencoder?: AutoencoderFiles;
  readonly texts: readonly TextEncoderFiles[];
}

/**
 * Reads a model's configurations and the headers of its weights.
 *
 * @throws LatinoError ERR_LATINO_MODEL as `readStructure` does, or when weights are missing; ERR_LATINO_ARGUMENT when there is a guidance scale
 * that the model cannot take
 */
export async function readModel(path: string, source: ModelSource = {}): Promise<ModelFiles> {
  const checkpoint = await openCheckpoint(path, source);
  const structure = await readStructure(checkpoint, source.guidance);
  const [folderWeights, vaeWeights, loras] = await Promise.all([
    checkpoint.weights('unet'),
    checkpoint.weights('vae'),
    Lora.openAll(source.loras),
  ]);
  return {
    ...structure,
    unet: { config: structure.unet, weights: await withLoras('unet', folderWeights, loras) },
    vae: { network: structure.vae, weights: vaeWeights },
    stepAutoencoder: structure.stepAutoencoder && {
      network: structure.stepAutoencoder,
      weights: await checkpoint.weights(STEP_AUTOENCODER),
    },
    texts: await Promise.all(structure.texts.map((text) => withWeights(checkpoint, text, loras))),
  };
}

/**
 * The networks of every step. Building them looks for every weight that they have.
 *
 * @throws LatinoError ERR_LATINO_MODEL when one is missing, or of another shape
 */
export function stepGraphs(files: ModelFiles): AutoencoderGraphs & { readonly unet: Graph } {
  const { unet, vae } = files;
  return { unet: unetGraph(unet.config, unet.weights, unetOptions(files)), ...autoencoderGraphs(vae) };
}

export type AutoencoderGraphs = Readonly<Record<'encoder' | 'decoder', Graph>>;

/** @throws LatinoError ERR_LATINO_MODEL when a weight is missing, or of another shape */
export const autoencoderGraphs = ({ network, weights }: AutoencoderFiles): AutoencoderGraphs => ({
  encoder: network.encoder(weights),
  decoder: network.decoder(weights),
});

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
export interface TextEncoderFiles extends TextEncoderStructure {
  /** With the changes of LoRAs. */
  readonly weights: () => Promise<WeightStore>;
  readonly digest: () => Promise<string>;
}

async function withWeights(checkpoint: Checkpoint, text: TextEncoderStructure, loras: readonly Lora[]): Promise<TextEncoderFiles> {
  const { component } = text.part;
  // Their header is read now, so that files which change later are noticed. That they are missing only matters once there is a prompt.
  const own = checkpoint.weights(component);
  own.catch(() => undefined);
  const changed = loras.length > 0 ? await withLoras(component, await own, loras) : undefined;
  let digest: Promise<string> | undefined;
  return {
    ...text,
    weights: async () => changed ?? own,
    digest: () => {
      digest ??= own.then(({ tensors }) => digestWeights(tensors));
      return digest;
    },
  };
}
