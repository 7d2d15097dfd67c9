import { z } from 'zod';
import { LatinoError } from '../errors.js';
import { Graph, int, type Value } from '../graph/graph.js';
import { appendVjp, type VjpOptions } from '../graph/vjp/vjp.js';
import type { WeightStore } from '../graph/weights.js';
import { only, parseConfig } from './config.js';
import { add, concat, conv, groupNorm, linear, multiply, perChannel, silu, sinusoid, upsample2x } from './layers.js';
import { resnetBlock } from './resnet2d.js';
import { transformer } from './transformer2d.js';

const perLevel = z.union([z.int(), z.array(z.int())]);

const schema = z.object({
  in_channels: z.int().default(4),
  out_channels: z.int().default(4),
  block_out_channels: z.array(z.int()).default([320, 640, 1280, 1280]),
  down_block_types: z
    .array(z.enum(['CrossAttnDownBlock2D', 'DownBlock2D']))
    .default(['CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'DownBlock2D']),
  up_block_types: z
    .array(z.enum(['CrossAttnUpBlock2D', 'UpBlock2D']))
    .default(['UpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D']),
  layers_per_block: perLevel.default(2),
  transformer_layers_per_block: perLevel.default(1),
  cross_attention_dim: z.int().default(1280),
  /** Ours: the deviation of each channel of clean latents, for a network that predicts v channel by channel. */
  latents_std: z.array(z.number().positive()).nullish(),
  sample_size: z.union([z.int(), z.tuple([z.int(), z.int()])]).nullish(),
  attention_head_dim: perLevel.default(8),
  num_attention_heads: perLevel.nullish(),
  norm_num_groups: z.int().default(32),
  norm_eps: z.number().default(1e-5),
  flip_sin_to_cos: z.boolean().default(true),
  freq_shift: z.number().default(0),
  use_linear_projection: z.boolean().default(false),
  time_cond_proj_dim: z.int().nullish(),
  addition_embed_type: only('text_time'),
  addition_time_embed_dim: z.int().nullish(),
  projection_class_embeddings_input_dim: z.int().nullish(),
  act_fn: only('silu', 'swish'),
  attention_type: only('default'),
  center_input_sample: only(false),
  class_embed_type: only<string>(),
  class_embeddings_concat: only(false),
  conv_in_kernel: only(3),
  conv_out_kernel: only(3),
  cross_attention_norm: only<string>(),
  downsample_padding: only(1),
  dual_cross_attention: only(false),
  encoder_hid_dim: only<number>(),
  encoder_hid_dim_type: only<string>(),
  mid_block_only_cross_attention: only(false),
  mid_block_scale_factor: only(1),
  mid_block_type: only('UNetMidBlock2DCrossAttn'),
  num_class_embeds: only<number>(),
  only_cross_attention: only(false),
  resnet_out_scale_factor: only(1),
  resnet_skip_time_act: only(false),
  resnet_time_scale_shift: only('default'),
  reverse_transformer_layers_per_block: only<boolean>(),
  time_embedding_act_fn: only<string>(),
  time_embedding_dim: only<number>(),
  time_embedding_type: only('positional'),
  timestep_post_act: only<string>(),
});
export type UNet2DConditionConfig = z.output<typeof schema>;
export const UNet2DConditionConfig = {
  /** Reads a config.json; missing keys get diffusers' defaults. Throws ERR_LATINO_MODEL for what is not supported. */
  parse: (json: unknown): UNet2DConditionConfig => parseConfig(schema, json, 'a UNet2DConditionModel'),
};

interface Level {
  readonly channels: number;
  readonly resnets: number;
  readonly heads: number;
  /** Transformer blocks per attention; 0 in a level without attention. */
  readonly depth: number;
}

export interface UNetOptions {
  /** With time_cond_proj_dim: the guidance scale that the network was distilled for. It becomes part of the graph, and `timestep_cond` no input. */
  readonly guidance?: number;
  /** alphas_cumprod of the schedule, for a network that predicts v. It becomes part of the graph, whose output is eps all the same. */
  readonly velocity?: Float64Array;
}

/** What every block of the network sees. */
interface Context {
  readonly config: UNet2DConditionConfig;
  readonly text: Value;
  /** SiLU of the time embedding [N, E]. */
  readonly time: Value;
}

/**
 * Diffusers' UNet2DConditionModel. Inputs `sample` [N, C, h, w], `timestep` [N] int64, `encoder_hidden_states` [N, S, D];
 * `timestep_cond` [N, T] with time_cond_proj_dim; `text_embeds` [N, P] and `time_ids` [N, 6] with text_time.
 * Output `eps`, of the shape of `sample`. Height and width are multiples of 2 ** (levels - 1).
 */
export function unetGraph(config: UNet2DConditionConfig, weights: WeightStore, options: UNetOptions = {}): Graph {
  const g = new Graph('unet2d_condition', weights);
  const sample = g.input('sample', 'f32', ['batch', config.in_channels, 'height', 'width']);
  const timestep = g.input('timestep', 'i64', ['batch']);
  const text = g.input('encoder_hidden_states', 'f32', ['batch', 'tokens', config.cross_attention_dim]);
  const context: Context = { config, text, time: silu(g, timeEmbedding(g, timestep, config, options)) };
  const down = levels(config, config.down_block_types);
  const mid = down[down.length - 1]!;
  const up = levels(config, [...config.up_block_types].reverse()).reverse();

  const velocity = options.velocity && new Velocity(g, timestep, options.velocity, config);
  let x = conv(g, velocity ? velocity.input(sample) : sample, 'conv_in', config.block_out_channels[0]!);
  const skips = [x];
  for (const [index, level] of down.entries()) {
    const name = `down_blocks.${index}`;
    for (let i = 0; i < level.resnets; i++) {
      x = resnet(g, x, `${name}.resnets.${i}`, level.channels, context);
      if (level.depth > 0) x = attend(g, x, `${name}.attentions.${i}`, level, context);
      skips.push(x);
    }
    if (index < down.length - 1) {
      x = conv(g, x, `${name}.downsamplers.0.conv`, level.channels, { stride: 2 });
      skips.push(x);
    }
  }

  const midDepth = atLevel(config.transformer_layers_per_block, down.length - 1);
  x = resnet(g, x, 'mid_block.resnets.0', mid.channels, context);
  x = attend(g, x, 'mid_block.attentions.0', { ...mid, depth: midDepth }, context);
  x = resnet(g, x, 'mid_block.resnets.1', mid.channels, context);

  for (const [index, level] of up.entries()) {
    const name = `up_blocks.${index}`;
    for (let i = 0; i <= level.resnets; i++) {
      x = resnet(g, concat(g, [x, skips.pop()!], 1), `${name}.resnets.${i}`, level.channels, context);
      if (level.depth > 0) x = attend(g, x, `${name}.attentions.${i}`, level, context);
    }
    if (index < up.length - 1) x = conv(g, upsample2x(g, x), `${name}.upsamplers.0.conv`, level.channels);
  }

  x = silu(g, groupNorm(g, x, 'conv_norm_out', config.norm_num_groups, config.norm_eps));
  x = conv(g, x, 'conv_out', config.out_channels);
  g.output('eps', velocity ? velocity.noise(sample, x) : x);
  return g;
}

/**
 * The network with its reverse pass. Input `g`, of the shape of `eps`, unless `options.cotangent` makes it; outputs `eps` and, for every
 * name in `options.wrt` (`encoder_hidden_states`, `sample`, `timestep_cond`, `text_embeds`), `vjp_NAME`: the gradient of sum(g * eps).
 * Throws as `appendVjp`.
 */
export const unetVjpGraph = (
  config: UNet2DConditionConfig,
  weights: WeightStore,
  { guidance, velocity, ...vjp }: UNetOptions & VjpOptions,
): Graph => appendVjp(unetGraph(config, weights, { guidance, velocity }), vjp);

/**
 * v-prediction, channel by channel. With s the deviation of a channel of the latents (1 where the config has no latents_std), the network
 * sees u = i z with i = 1 / sqrt(a s^2 + 1 - a), of variance 1, and eps = i (sqrt(1 - a) u + sqrt(a) s v).
 */
class Velocity {
  private readonly scale: Value;
  private readonly ofSample: Value;
  private readonly ofOutput: Value;

  constructor(
    private readonly g: Graph,
    timestep: Value,
    alphas: Float64Array,
    { latents_std: deviations, in_channels: channels }: UNet2DConditionConfig,
  ) {
    if (deviations && deviations.length !== channels) {
      throw new LatinoError(
        'ERR_LATINO_MODEL',
        `a UNet2DConditionModel with ${channels} in_channels needs ${channels} latents_std, not ${deviations.length}`,
      );
    }
    const each = deviations ?? [1];
    /** [N, C, 1, 1]: a factor of each channel at the timestep. */
    const table = (factor: (a: number, s: number, i: number) => number): Value => {
      const rows = Float32Array.from({ length: alphas.length * each.length }, (_, index) => {
        const a = alphas[Math.floor(index / each.length)]!;
        const s = each[index % each.length]!;
        return factor(a, s, 1 / Math.sqrt(a * s * s + 1 - a));
      });
      const constant = g.constant(rows, [alphas.length, each.length]);
      return perChannel(g, g.op('Gather', [constant, timestep], { dims: ['batch', each.length] }));
    };
    this.scale = table((_, __, i) => i);
    this.ofSample = table((a, _, i) => i * i * Math.sqrt(1 - a));
    this.ofOutput = table((a, s, i) => i * Math.sqrt(a) * s);
  }

  /** u */
  input(sample: Value): Value {
    return multiply(this.g, sample, this.scale);
  }

  /** eps */
  noise(sample: Value, output: Value): Value {
    return add(this.g, multiply(this.g, sample, this.ofSample), multiply(this.g, output, this.ofOutput));
  }
}

const atLevel = (setting: number | readonly number[], level: number): number =>
  typeof setting === 'number' ? setting : (setting[level] ?? Number.NaN);

/** The levels from high to low resolution. In these configs `attention_head_dim` is the number of heads, in spite of its name. */
function levels(config: UNet2DConditionConfig, types: readonly string[]): Level[] {
  const count = config.block_out_channels.length;
  const lists = {
    down_block_types: config.down_block_types,
    up_block_types: config.up_block_types,
    layers_per_block: config.layers_per_block,
    transformer_layers_per_block: config.transformer_layers_per_block,
    attention_head_dim: config.num_attention_heads ?? config.attention_head_dim,
  };
  for (const [key, list] of Object.entries(lists)) {
    if (Array.isArray(list) && list.length !== count) {
      throw new LatinoError(
        'ERR_LATINO_MODEL',
        `a UNet2DConditionModel with ${count} block_out_channels needs ${count} ${key}, not ${list.length}`,
      );
    }
  }
  return config.block_out_channels.map((channels, level) => ({
    channels,
    resnets: atLevel(config.layers_per_block, level),
    heads: atLevel(config.num_attention_heads ?? config.attention_head_dim, level),
    depth: types[level]!.startsWith('CrossAttn') ? atLevel(config.transformer_layers_per_block, level) : 0,
  }));
}

/**
 * Diffusers' embedding of a guidance scale, [size], computed in float32 as there: sines, then cosines, of 1000 (scale - 1) times frequencies
 * from 1 down to 1e-4.
 */
export function guidanceEmbedding(scale: number, size: number): Float32Array {
  const { fround } = Math;
  const count = Math.floor(size / 2);
  const step = fround(fround(Math.log(10000)) / (count - 1));
  const embedding = new Float32Array(size);
  for (let i = 0; i < count; i++) {
    const angle = fround(fround(1000 * fround(scale - 1)) * fround(Math.exp(fround(-i * step))));
    embedding[i] = Math.sin(angle);
    embedding[count + i] = Math.cos(angle);
  }
  return embedding;
}

function timeEmbedding(g: Graph, timestep: Value, config: UNet2DConditionConfig, { guidance }: UNetOptions): Value {
  const base = config.block_out_channels[0]!;
  const size = 4 * base;
  const order = { flip: config.flip_sin_to_cos, freqShift: config.freq_shift };
  const time = g.op('Cast', [timestep], { dims: timestep.dims, attributes: { to: int(1) } });
  let x = sinusoid(g, time, base, order);
  const conditionSize = config.time_cond_proj_dim;
  if (conditionSize) {
    const condition =
      guidance === undefined
        ? g.input('timestep_cond', 'f32', ['batch', conditionSize])
        : g.constant(guidanceEmbedding(guidance, conditionSize), [1, conditionSize]);
    x = add(g, x, linear(g, condition, 'time_embedding.cond_proj', base, { bias: false }));
  }
  x = twoLinears(g, x, 'time_embedding', size);
  if (config.addition_embed_type !== 'text_time') return x;

  const { addition_time_embed_dim: idSize, projection_class_embeddings_input_dim: joinedSize } = config;
  if (!idSize || !joinedSize) {
    throw new LatinoError(
      'ERR_LATINO_MODEL',
      'text_time conditioning needs addition_time_embed_dim and projection_class_embeddings_input_dim',
    );
  }
  const textEmbeds = g.input('text_embeds', 'f32', ['batch', joinedSize - 6 * idSize]);
  const timeIds = g.input('time_ids', 'f32', ['batch', 6]);
  const flat = g.op('Reshape', [timeIds, g.integers(-1)], { dims: ['batch*6'] });
  const ids = g.op('Reshape', [sinusoid(g, flat, idSize, order), g.integers(-1, 6 * idSize)], { dims: ['batch', 6 * idSize] });
  return add(g, x, twoLinears(g, concat(g, [textEmbeds, ids], 1), 'add_embedding', size));
}

const twoLinears = (g: Graph, x: Value, name: string, size: number): Value =>
  linear(g, silu(g, linear(g, x, `${name}.linear_1`, size)), `${name}.linear_2`, size);

const resnet = (g: Graph, x: Value, name: string, channels: number, { config, time }: Context): Value =>
  resnetBlock(g, x, name, channels, { groups: config.norm_num_groups, epsilon: config.norm_eps, time });

function attend(g: Graph, x: Value, name: string, level: Level, { config, text }: Context): Value {
  const { norm_num_groups: groups, use_linear_projection: linearProjection } = config;
  return transformer(g, x, text, name, { heads: level.heads, depth: level.depth, groups, linearProjection });
}
