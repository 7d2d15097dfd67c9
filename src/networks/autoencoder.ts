import type { Graph } from '../graph/graph.js';
import type { WeightStore } from '../graph/weights.js';
import { AutoencoderKLConfig, klDecoderGraph, klEncoderGraph } from './autoencoder_kl.js';
import type { AutoencoderOptions } from './autoencoder_options.js';
import { AutoencoderTinyConfig, tinyDecoderGraph, tinyEncoderGraph } from './autoencoder_tiny.js';

/** An autoencoder between images in [-1, 1], clipped to that on the way in and out, and scaled latents. */
export interface Autoencoder {
  readonly latentChannels: number;
  /** Image pixels per latent pixel, along a side. */
  readonly downscaling: number;
  /** `image` [N, 3, H, W] to `latents` [N, C, h, w]. */
  encoder(weights: WeightStore): Graph;
  /** `latents` to `image`. */
  decoder(weights: WeightStore): Graph;
}

type BuildGraph<Config> = (config: Config, weights: WeightStore, options: AutoencoderOptions) => Graph;

/** `levels`: sizes that the image has on its way to latents, each half the one before. */
function autoencoder<Config extends { latent_channels: number; scaling_factor: number }>(
  config: Config,
  levels: number,
  encoder: BuildGraph<Config>,
  decoder: BuildGraph<Config>,
): Autoencoder {
  const options = { clip: true, scale: config.scaling_factor };
  return {
    latentChannels: config.latent_channels,
    downscaling: 2 ** (levels - 1),
    encoder: (weights) => encoder(config, weights, options),
    decoder: (weights) => decoder(config, weights, options),
  };
}

/** By their class in diffusers: an autoencoder from its config.json. Throws ERR_LATINO_MODEL for what is not supported. */
export const AUTOENCODERS: Readonly<Record<string, (config: unknown) => Autoencoder>> = {
  AutoencoderKL(json) {
    const config = AutoencoderKLConfig.parse(json);
    return autoencoder(config, config.block_out_channels.length, klEncoderGraph, klDecoderGraph);
  },
  AutoencoderTiny(json) {
    const config = AutoencoderTinyConfig.parse(json);
    return autoencoder(config, config.num_decoder_blocks.length, tinyEncoderGraph, tinyDecoderGraph);
  },
};
