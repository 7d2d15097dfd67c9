import { latinoTimesteps } from '../timesteps.js';
import type { Family } from './family.js';

/**
 * Stable Diffusion XL (Podell et al. 2023), distilled: by DMD2 in the paper's main configuration. The states of two text encoders lie side by
 * side, the pooled one of the second and the picture's size are inputs of their own.
 */
export const stableDiffusionXl: Family = {
  name: 'sdxl',
  title: 'Stable Diffusion XL',
  lcmLora: 'latent-consistency/lcm-lora-sdxl',
  textEncoders: [
    { component: 'text_encoder', tokenizer: 'tokenizer', className: 'CLIPTextModel', states: 'hidden_states_penultimate', isPooled: false },
    {
      component: 'text_encoder_2',
      tokenizer: 'tokenizer_2',
      className: 'CLIPTextModelWithProjection',
      states: 'hidden_states_penultimate',
      isPooled: true,
    },
  ],
  sampleSize: 128,
  matches: ({ addition_embed_type }) => addition_embed_type === 'text_time',
  defaultSteps: () => 8,
  timesteps: latinoTimesteps,
  // Original size, where it was cropped, and the size asked for, each height first.
  timeIds: (picture, window) => [picture.height, picture.width, window.top, window.left, window.height, window.width],
};
