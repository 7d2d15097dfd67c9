import { LatinoError } from '../../errors.js';
import type { Tensors } from './renamed.js';

/** What a checkpoint in a single file does not say of its networks, and all of a family have in common. */
export interface FamilyConstants {
  /** Of a UNet's attention at this many channels. */
  heads(channels: number): number;
  readonly sampleSize: number;
  /** Numbers that each of the six numbers of `time_ids` is embedded in, where the UNet is told them. */
  readonly timeIdChannels?: number;
  /** What latents are multiplied by. */
  readonly scalingFactor: number;
}

export const SD1: FamilyConstants = { heads: () => 8, sampleSize: 64, scalingFactor: 0.18215 };
export const SDXL: FamilyConstants = {
  heads: (channels) => channels / HEAD_SIZE,
  sampleSize: 128,
  timeIdChannels: 256,
  scalingFactor: 0.13025,
};

/** Channels of a head, in SDXL's UNet and in every text encoder of CLIP. */
const HEAD_SIZE = 64;

/** OpenAI's CLIP has the first, OpenCLIP's the second. */
export type TextActivation = 'quick_gelu' | 'gelu';

/** A config.json as diffusers or transformers would have written it. */
export type Config = Readonly<Record<string, unknown>>;

/** @param tensors by the names of diffusers, here and below */
export function unetConfig(tensors: Tensors, family: FamilyConstants): Config {
  const widths = levelWidths(tensors, 'down_blocks.');
  const isAttending = (side: string, level: number): boolean => count(tensors, `${side}_blocks.${level}.attentions.`) > 0;
  const levels = [...widths.keys()];
  const added = shape(tensors, 'add_embedding.linear_1.weight');
  return {
    _class_name: 'UNet2DConditionModel',
    in_channels: shape(tensors, 'conv_in.weight')?.[1],
    out_channels: shape(tensors, 'conv_out.weight')?.[0],
    block_out_channels: widths,
    down_block_types: levels.map((level) => (isAttending('down', level) ? 'CrossAttnDownBlock2D' : 'DownBlock2D')),
    up_block_types: levels.map((level) => (isAttending('up', level) ? 'CrossAttnUpBlock2D' : 'UpBlock2D')),
    layers_per_block: count(tensors, 'down_blocks.0.resnets.'),
    transformer_layers_per_block: levels.map((level) => {
      // The middle has the depth of the last level, which may have no attention itself.
      const place = level === widths.length - 1 ? 'mid_block' : `down_blocks.${level}`;
      return count(tensors, `${place}.attentions.0.transformer_blocks.`) || 1;
    }),
    attention_head_dim: widths.map((channels) => family.heads(channels)),
    cross_attention_dim: shape(tensors, 'mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight')?.[1],
    use_linear_projection: shape(tensors, 'mid_block.attentions.0.proj_in.weight')?.length === 2,
    time_cond_proj_dim: shape(tensors, 'time_embedding.cond_proj.weight')?.[1],
    sample_size: family.sampleSize,
    ...(added && {
      addition_embed_type: 'text_time',
      addition_time_embed_dim: family.timeIdChannels,
      projection_class_embeddings_input_dim: added[1],
    }),
  };
}

export const vaeConfig = (tensors: Tensors, family: FamilyConstants): Config => ({
  _class_name: 'AutoencoderKL',
  block_out_channels: levelWidths(tensors, 'encoder.down_blocks.'),
  latent_channels: shape(tensors, 'decoder.conv_in.weight')?.[1],
  layers_per_block: count(tensors, 'encoder.down_blocks.0.resnets.'),
  scaling_factor: family.scalingFactor,
});

/** @throws LatinoError ERR_LATINO_MODEL when the encoder has another vocabulary than CLIP's, of which alone we have the tokenizer */
export function textConfig(tensors: Tensors, activation: TextActivation, place: string): Config {
  const [tokens, width] = shape(tensors, 'text_model.embeddings.token_embedding.weight') ?? [];
  if (tokens !== CLIP_TOKENS)
    throw new LatinoError(
      'ERR_LATINO_MODEL',
      `Expected a text encoder of CLIP's ${CLIP_TOKENS} tokens in ${place} but found ${tokens ?? 'none'}`,
    );
  return {
    architectures: [tensors.has('text_projection.weight') ? 'CLIPTextModelWithProjection' : 'CLIPTextModel'],
    vocab_size: tokens,
    hidden_size: width,
    intermediate_size: shape(tensors, 'text_model.encoder.layers.0.mlp.fc1.weight')?.[0],
    projection_dim: shape(tensors, 'text_projection.weight')?.[0],
    num_hidden_layers: count(tensors, 'text_model.encoder.layers.'),
    num_attention_heads: width! / HEAD_SIZE,
    max_position_embeddings: shape(tensors, 'text_model.embeddings.position_embedding.weight')?.[0],
    hidden_act: activation,
  };
}

const CLIP_TOKENS = 49408;

/** Of Stable Diffusion, whatever it predicts. */
export const scheduleConfig = (prediction: 'epsilon' | 'v_prediction', hasZeroTerminalSnr: boolean): Config => ({
  beta_schedule: 'scaled_linear',
  beta_start: 0.00085,
  beta_end: 0.012,
  num_train_timesteps: 1000,
  prediction_type: prediction,
  rescale_betas_zero_snr: hasZeroTerminalSnr,
});

const shape = (tensors: Tensors, name: string): readonly number[] | undefined => tensors.get(name)?.shape;

/** How many there are of what is numbered after this beginning, by the highest number: what is missing among them is found where it is used. */
function count(tensors: Tensors, prefix: string): number {
  const numbers = [...tensors.keys()].flatMap((name) => {
    const [number] = name.startsWith(prefix) ? (/^\d+/.exec(name.slice(prefix.length)) ?? []) : [];
    return number === undefined ? [] : Number(number);
  });
  return numbers.reduce((most, number) => Math.max(most, number), -1) + 1;
}

/** Channels of each level of a UNet's or an encoder's first half, up to the first that is missing: a number may be anything. */
function levelWidths(tensors: Tensors, prefix: string): number[] {
  const levels = count(tensors, prefix);
  const widths: number[] = [];
  for (let level = 0; level < levels; level++) {
    const width = shape(tensors, `${prefix}${level}.resnets.0.conv1.weight`)?.[0];
    widths.push(width ?? Number.NaN);
    if (width === undefined) break;
  }
  return widths;
}
