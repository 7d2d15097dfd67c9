import { z } from 'zod';
import { Graph, type Value } from '../graph/graph.js';
import { appendVjp, type VjpOptions } from '../graph/vjp/vjp.js';
import type { WeightStore } from '../graph/weights.js';
import type { AutoencoderOptions } from './autoencoder_options.js';
import { only, parseConfig } from './config.js';
import { activation, add, clip, conv, scale, shift, upsample2x } from './layers.js';

const widths = z.array(z.int()).default([64, 64, 64, 64]);

const schema = z.object({
  in_channels: z.int().default(3),
  out_channels: z.int().default(3),
  latent_channels: z.int().default(4),
  encoder_block_out_channels: widths,
  decoder_block_out_channels: widths,
  num_encoder_blocks: z.array(z.int()).default([1, 3, 3, 3]),
  num_decoder_blocks: z.array(z.int()).default([3, 3, 3, 1]),
  act_fn: z.enum(['relu', 'silu', 'gelu']).default('relu'),
  upsample_fn: only('nearest'),
  upsampling_scaling_factor: only(2),
  scaling_factor: z.number().default(1),
  shift_factor: only(0),
});
export type AutoencoderTinyConfig = z.output<typeof schema>;
export const AutoencoderTinyConfig = {
  /** Reads a config.json; missing keys get diffusers' defaults. Throws ERR_LATINO_MODEL for what is not supported. */
  parse: (json: unknown): AutoencoderTinyConfig => parseConfig(schema, json, 'an AutoencoderTiny'),
};

/** Input `image` [N, 3, H, W] in [-1, 1]; output `latents` [N, C, H/8, W/8] times the scale. */
export function tinyEncoderGraph(config: AutoencoderTinyConfig, weights: WeightStore, options: AutoencoderOptions = {}): Graph {
  const g = new Graph('tiny_encoder', weights);
  const image = g.input('image', 'f32', ['batch', config.in_channels, 'height', 'width']);
  let x = options.clip ? clip(g, image, -1, 1) : image;
  x = scale(g, shift(g, x, 1), 0.5);
  let layer = 0;
  const name = () => `encoder.layers.${layer++}`;
  for (const [level, blocks] of config.num_encoder_blocks.entries()) {
    const channels = config.encoder_block_out_channels[level]!;
    x = level === 0 ? conv(g, x, name(), channels) : conv(g, x, name(), channels, { stride: 2, bias: false });
    for (let i = 0; i < blocks; i++) x = block(g, x, name(), config);
  }
  x = conv(g, x, name(), config.latent_channels);
  g.output('latents', scale(g, x, options.scale ?? 1));
  return g;
}

/** Input `latents` [N, C, h, w], divided by the scale first; output `image` [N, 3, 8h, 8w]. */
export function tinyDecoderGraph(config: AutoencoderTinyConfig, weights: WeightStore, options: AutoencoderOptions = {}): Graph {
  const g = new Graph('tiny_decoder', weights);
  const latents = g.input('latents', 'f32', ['batch', config.latent_channels, 'height', 'width']);
  let x = scale(g, latents, 1 / ((options.scale ?? 1) * 3));
  x = scale(g, g.op('Tanh', [x], { dims: x.dims }), 3);
  let layer = 0;
  const name = () => `decoder.layers.${layer++}`;
  x = activation(g, conv(g, x, name(), config.decoder_block_out_channels[0]!), config.act_fn);
  layer++; // the activation has a number too
  const levels = config.num_decoder_blocks.length;
  for (const [level, blocks] of config.num_decoder_blocks.entries()) {
    const isLast = level === levels - 1;
    for (let i = 0; i < blocks; i++) x = block(g, x, name(), config);
    if (!isLast) {
      x = upsample2x(g, x);
      layer++;
    }
    x = conv(g, x, name(), isLast ? config.out_channels : config.decoder_block_out_channels[level]!, { bias: isLast });
  }
  x = shift(g, scale(g, x, 2), -1);
  g.output('image', options.clip ? clip(g, x, -1, 1) : x);
  return g;
}

/**
 * The decoder with its reverse pass. Input `g`, of the shape of `image`, unless `options.cotangent` makes it; outputs `image` and
 * `vjp_latents`, the gradient of sum(g * image). Throws as `appendVjp`.
 */
export const tinyDecoderVjpGraph = (
  config: AutoencoderTinyConfig,
  weights: WeightStore,
  { scale, clip, ...vjp }: AutoencoderOptions & Partial<VjpOptions> = {},
): Graph => appendVjp(tinyDecoderGraph(config, weights, { scale, clip }), { wrt: ['latents'], ...vjp });

/** The encoder with its reverse pass, likewise: outputs `latents` and `vjp_image`. */
export const tinyEncoderVjpGraph = (
  config: AutoencoderTinyConfig,
  weights: WeightStore,
  { scale, clip, ...vjp }: AutoencoderOptions & Partial<VjpOptions> = {},
): Graph => appendVjp(tinyEncoderGraph(config, weights, { scale, clip }), { wrt: ['image'], ...vjp });

/** Three convolutions with a residual around them. */
function block(g: Graph, x: Value, name: string, config: AutoencoderTinyConfig): Value {
  const channels = Number(x.dims[1]);
  let hidden = activation(g, conv(g, x, `${name}.conv.0`, channels), config.act_fn);
  hidden = activation(g, conv(g, hidden, `${name}.conv.2`, channels), config.act_fn);
  return activation(g, add(g, conv(g, hidden, `${name}.conv.4`, channels), x), 'relu');
}
