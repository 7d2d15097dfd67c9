import type { Graph } from '../graph/graph.js';
import type { WeightStore } from '../graph/weights.js';
import { AutoencoderKLConfig, klDecoderGraph, klEncoderGraph } from './autoencoder_kl.js';
import { AutoencoderLinearConfig, linearDecoderGraph, linearEncoderGraph } from './autoencoder_linear.js';
import type { AutoencoderOptions } from './autoencoder_options.js';
import { AutoencoderTinyConfig, tinyDecoderGraph, tinyEncoderGraph } from './autoencoder_tiny.js';

/** An autoencoder between images in [-1, 1], clipped to that on the way in and out, and scaled latents. */
export interface Autoencoder {
  readonly latentChannels: number;
  /** Image pixels per latent pixel, along a side. */
  readonly downscaling: number;
  /** Deviation, in the image, of latents' white noise of deviation 1: 1, as the paper takes it, unless the decoder is a map of which it is known. */
  readonly noiseGain: number;
  /** `image` [N, 3, H, W] to `latents` [N, C, h, w]. */
  encoder(weights: WeightStore): Graph;
  /** `latents` to `image`. */
  decoder(weights: WeightStore): Graph;
}

type BuildGraph<Config> = (config: Config, weights: WeightStore, options: AutoencoderOptions) => Graph;

function autoencoder<Config extends { latent_channels: number; scaling_factor: number }>(
  config: Config,
  downscaling: number,
  encoder: BuildGraph<Config>,
  decoder: BuildGraph<Config>,
  noiseGain = 1,
): Autoencoder {
  const options = { clip: true, scale: config.scaling_factor };
  return {
    latentChannels: config.latent_channels,
    downscaling,
    noiseGain,
    encoder: (weights) => encoder(config, weights, options),
    decoder: (weights) => decoder(config, weights, options),
  };
}

/** By their class in diffusers, or ours: an autoencoder from its config.json. Throws ERR_LATINO_MODEL for what is not supported. */
export const AUTOENCODERS: Readonly<Record<string, (config: unknown) => Autoencoder>> = {
  AutoencoderKL(json) {
    const config = AutoencoderKLConfig.parse(json);
    return autoencoder(config, 2 ** (config.block_out_channels.length - 1), klEncoderGraph, klDecoderGraph);
  },
  AutoencoderTiny(json) {
    const config = AutoencoderTinyConfig.parse(json);
    return autoencoder(config, 2 ** (config.num_decoder_blocks.length - 1), tinyEncoderGraph, tinyDecoderGraph);
  },
  AutoencoderLinear(json) {
    const config = AutoencoderLinearConfig.parse(json);
    // Its map is orthonormal.
    return autoencoder(config, config.patch_size, linearEncoderGraph, linearDecoderGraph, 1 / config.scaling_factor);
  },
};
