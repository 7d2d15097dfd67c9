import { latinoTimesteps } from '../timesteps.js';
import type { Family } from './family.js';

/** Stable Diffusion 1.x and what has its structure: latent consistency models by themselves or by a LoRA, and the embedded ones. */
export const stableDiffusion: Family = {
  name: 'sd15',
  title: 'Stable Diffusion 1.x',
  lcmLora: 'latent-consistency/lcm-lora-sdv1-5',
  textEncoders: [
    { component: 'text_encoder', tokenizer: 'tokenizer', className: 'CLIPTextModel', states: 'last_hidden_state', isPooled: false },
  ],
  sampleSize: 64,
  matches: ({ addition_embed_type }) => addition_embed_type !== 'text_time',
  defaultSteps: () => 8,
  timesteps: latinoTimesteps,
};
