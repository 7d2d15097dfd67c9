import type { Graph } from '../graph/graph.js';
import type { WeightStore } from '../graph/weights.js';
import { AutoencoderKLConfig, klDecoderGraph, klEncoderGraph } from './autoencoder_kl.js';
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

/** By their class in diffusers: an autoencoder from its config.json. Throws ERR_LATINO_MODEL for what is not supported. */
export const AUTOENCODERS: Readonly<Record<string, (config: unknown) => Autoencoder>> = {
  AutoencoderKL(json) {
    const config = AutoencoderKLConfig.parse(json);
    const options = { clip: true, scale: config.scaling_factor };
    return {
      latentChannels: config.latent_channels,
      downscaling: 2 ** (config.block_out_channels.length - 1),
      encoder: (weights) => klEncoderGraph(config, weights, options),
      decoder: (weights) => klDecoderGraph(config, weights, options),
    };
  },
  AutoencoderTiny(json) {
    const config = AutoencoderTinyConfig.parse(json);
    const options = { clip: true, scale: config.scaling_factor };
    return {
      latentChannels: config.latent_channels,
      downscaling: 2 ** (config.num_decoder_blocks.length - 1),
      encoder: (weights) => tinyEncoderGraph(config, weights, options),
      decoder: (weights) => tinyDecoderGraph(config, weights, options),
    };
  },
};
