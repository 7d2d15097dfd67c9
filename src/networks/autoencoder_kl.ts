import { z } from 'zod';
import { Graph, type Value } from '../graph/graph.js';
import { appendVjp, type VjpOptions } from '../graph/vjp/vjp.js';
import type { WeightStore } from '../graph/weights.js';
import type { AutoencoderOptions } from './autoencoder_options.js';
import { only, parseConfig } from './config.js';
import { add, attention, clip, conv, groupNorm, linear, scale, silu, slice, toImage, toTokens, upsample2x } from './layers.js';
import { type ResnetOptions, resnetBlock } from './resnet2d.js';

const EPSILON = 1e-6;

const schema = z.object({
  in_channels: z.int().default(3),
  out_channels: z.int().default(3),
  latent_channels: z.int().default(4),
  block_out_channels: z.array(z.int()).nonempty().default([64]),
  layers_per_block: z.int().default(1),
  norm_num_groups: z.int().default(32),
  scaling_factor: z.number().default(0.18215),
  down_block_types: z.array(z.literal('DownEncoderBlock2D')).optional(),
  up_block_types: z.array(z.literal('UpDecoderBlock2D')).optional(),
  use_quant_conv: z.boolean().default(true),
  use_post_quant_conv: z.boolean().default(true),
  act_fn: only('silu', 'swish'),
  mid_block_add_attention: only(true),
  shift_factor: only(0),
  latents_mean: only<number>(),
  latents_std: only<number>(),
});
export type AutoencoderKLConfig = z.output<typeof schema>;
export const AutoencoderKLConfig = {
  /** Reads a config.json; missing keys get diffusers' defaults. Throws ERR_LATINO_MODEL for what is not supported. */
  parse: (json: unknown): AutoencoderKLConfig => parseConfig(schema, json, 'an AutoencoderKL'),
};

/**
 * The encoder of diffusers' AutoencoderKL. Input `image` [N, 3, H, W] in [-1, 1]; outputs `latents` [N, C, H/f, W/f], the mean of the posterior
 * times the scale, and with `logvar` its log-variance, in [-30, 20]. f is 2 ** (levels - 1).
 */
export function klEncoderGraph(
  config: AutoencoderKLConfig,
  weights: WeightStore,
  options: AutoencoderOptions & { readonly logvar?: boolean } = {},
): Graph {
  const g = new Graph('kl_encoder', weights);
  const { block_out_channels: widths, latent_channels: channels } = config;
  const image = g.input('image', 'f32', ['batch', config.in_channels, 'height', 'width']);
  let x = conv(g, options.clip ? clip(g, image, -1, 1) : image, 'encoder.conv_in', widths[0]!);
  for (const [level, width] of widths.entries()) {
    const name = `encoder.down_blocks.${level}`;
    for (let i = 0; i < config.layers_per_block; i++) x = resnetBlock(g, x, `${name}.resnets.${i}`, width, resnetOptions(config));
    if (level < widths.length - 1) x = conv(g, x, `${name}.downsamplers.0.conv`, width, { stride: 2, padding: 'end' });
  }
  x = middle(g, x, 'encoder.mid_block', config);
  x = silu(g, groupNorm(g, x, 'encoder.conv_norm_out', config.norm_num_groups, EPSILON));
  x = conv(g, x, 'encoder.conv_out', 2 * channels);
  if (config.use_quant_conv) x = conv(g, x, 'quant_conv', 2 * channels, { kernel: 1 });
  g.output('latents', scale(g, slice(g, x, 0, channels, 1), options.scale ?? 1));
  if (options.logvar) g.output('logvar', clip(g, slice(g, x, channels, 2 * channels, 1), -30, 20));
  return g;
}

/** The decoder. Input `latents` [N, C, h, w], divided by the scale first; output `image` [N, 3, f h, f w]. */
export function klDecoderGraph(config: AutoencoderKLConfig, weights: WeightStore, options: AutoencoderOptions = {}): Graph {
  const g = new Graph('kl_decoder', weights);
  const widths = [...config.block_out_channels].reverse();
  const latents = g.input('latents', 'f32', ['batch', config.latent_channels, 'height', 'width']);
  let x = scale(g, latents, 1 / (options.scale ?? 1));
  if (config.use_post_quant_conv) x = conv(g, x, 'post_quant_conv', config.latent_channels, { kernel: 1 });
  x = middle(g, conv(g, x, 'decoder.conv_in', widths[0]!), 'decoder.mid_block', config);
  for (const [level, width] of widths.entries()) {
    const name = `decoder.up_blocks.${level}`;
    for (let i = 0; i <= config.layers_per_block; i++) x = resnetBlock(g, x, `${name}.resnets.${i}`, width, resnetOptions(config));
    if (level < widths.length - 1) x = conv(g, upsample2x(g, x), `${name}.upsamplers.0.conv`, width);
  }
  x = silu(g, groupNorm(g, x, 'decoder.conv_norm_out', config.norm_num_groups, EPSILON));
  x = conv(g, x, 'decoder.conv_out', config.out_channels);
  g.output('image', options.clip ? clip(g, x, -1, 1) : x);
  return g;
}

/**
 * The decoder with its reverse pass. Input `g`, of the shape of `image`, unless `options.cotangent` makes it; outputs `image` and
 * `vjp_latents`, the gradient of sum(g * image). Throws as `appendVjp`.
 */
export const klDecoderVjpGraph = (
  config: AutoencoderKLConfig,
  weights: WeightStore,
  { scale, clip, ...vjp }: AutoencoderOptions & Partial<VjpOptions> = {},
): Graph => appendVjp(klDecoderGraph(config, weights, { scale, clip }), { wrt: ['latents'], ...vjp });

const resnetOptions = ({ norm_num_groups: groups }: AutoencoderKLConfig): ResnetOptions => ({ groups, epsilon: EPSILON });

function middle(g: Graph, x: Value, name: string, config: AutoencoderKLConfig): Value {
  const channels = Number(x.dims[1]);
  const options = resnetOptions(config);
  const before = resnetBlock(g, x, `${name}.resnets.0`, channels, options);
  const attended = attend(g, before, `${name}.attentions.0`, options);
  return resnetBlock(g, attended, `${name}.resnets.1`, channels, options);
}

/** The names of a weight in an attention, of today and of the files of Stable Diffusion 1.x. */
const SPELLINGS = { query: ['to_q', 'query'], key: ['to_k', 'key'], value: ['to_v', 'value'], out: ['to_out.0', 'proj_attn'] } as const;

/** Attention of all pixels to all, with one head and a residual around it. */
function attend(g: Graph, x: Value, name: string, { groups, epsilon }: ResnetOptions): Value {
  const channels = Number(x.dims[1]);
  const project = (tokens: Value, part: keyof typeof SPELLINGS): Value => {
    const [today, older] = SPELLINGS[part];
    return linear(g, tokens, `${name}.${g.hasWeight(`${name}.${older}.weight`) ? older : today}`, channels);
  };
  const tokens = toTokens(g, groupNorm(g, x, `${name}.group_norm`, groups, epsilon));
  const attended = attention(g, project(tokens, 'query'), project(tokens, 'key'), project(tokens, 'value'), 1);
  return add(g, toImage(g, project(attended, 'out'), x), x);
}
