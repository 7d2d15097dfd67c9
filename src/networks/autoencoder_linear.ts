import { z } from 'zod';
import { type Dim, Graph, ints, type Value } from '../graph/graph.js';
import type { WeightStore } from '../graph/weights.js';
import type { AutoencoderOptions } from './autoencoder_options.js';
import { only, parseConfig } from './config.js';
import { clip, scale } from './layers.js';

const schema = z.object({
  in_channels: only(3),
  out_channels: only(3),
  latent_channels: z.int().positive(),
  patch_size: z.int().min(2),
  scaling_factor: z.number().default(1),
});
export type AutoencoderLinearConfig = z.output<typeof schema>;
export const AutoencoderLinearConfig = {
  /** Reads a config.json. Throws ERR_LATINO_MODEL for what is not supported. */
  parse: (json: unknown): AutoencoderLinearConfig => parseConfig(schema, json, 'an AutoencoderLinear'),
};

/**
 * A linear map of patches: a class of our own, not one of diffusers'. With as many channels as a patch has numbers and an orthonormal map
 * nothing is lost, and noise that is white in the latents is white in the image.
 * Input `image` [N, 3, H, W] in [-1, 1]; output `latents` [N, C, H/p, W/p] times the scale.
 */
export function linearEncoderGraph(config: AutoencoderLinearConfig, weights: WeightStore, options: AutoencoderOptions = {}): Graph {
  const g = new Graph('linear_encoder', weights);
  const image = g.input('image', 'f32', ['batch', 3, 'height', 'width']);
  const x = options.clip ? clip(g, image, -1, 1) : image;
  const { latent_channels: channels } = config;
  const latents = patches(g, 'Conv', x, 'encoder', channels, config, ['batch', channels, 'rows', 'columns']);
  g.output('latents', scale(g, latents, options.scale ?? 1));
  return g;
}

/** Input `latents` [N, C, h, w], divided by the scale first; output `image` [N, 3, p h, p w]. */
export function linearDecoderGraph(config: AutoencoderLinearConfig, weights: WeightStore, options: AutoencoderOptions = {}): Graph {
  const g = new Graph('linear_decoder', weights);
  const latents = g.input('latents', 'f32', ['batch', config.latent_channels, 'rows', 'columns']);
  const x = scale(g, latents, 1 / (options.scale ?? 1));
  const image = patches(g, 'ConvTranspose', x, 'decoder', 3, config, ['batch', 3, 'height', 'width']);
  g.output('image', options.clip ? clip(g, image, -1, 1) : image);
  return g;
}

/** A convolution over patches that do not overlap, or its transpose; the weight is [C, 3, p, p] in both. */
function patches(
  g: Graph,
  opType: 'Conv' | 'ConvTranspose',
  x: Value,
  name: string,
  out: number,
  { latent_channels: channels, patch_size: size }: AutoencoderLinearConfig,
  dims: readonly Dim[],
): Value {
  const inputs = [x, g.weight(`${name}.weight`, [channels, 3, size, size]), g.weight(`${name}.bias`, [out])];
  return g.op(opType, inputs, { dims, attributes: { kernel_shape: ints([size, size]), strides: ints([size, size]) } });
}
