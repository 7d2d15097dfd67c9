import type { UNet2DConditionConfig } from '../../networks/unet2d_condition.js';

/** What models of one structure have in common beyond their configurations. */
export interface Family {
  /** As the authors' tables of step sizes call it. */
  readonly name: 'sd15' | 'sdxl';
  /** For messages. */
  readonly title: string;
  /** Components of the checkpoint that encode the prompt, each with a tokenizer of its own. */
  readonly textEncoders: readonly ('text_encoder' | 'text_encoder_2')[];
  /** Side in latents of the images that the UNet was trained on, where its configuration does not say. */
  readonly sampleSize: number;
  /** Whether a UNet is of this family. */
  matches(unet: UNet2DConditionConfig): boolean;
  /** The timesteps of a restoration, decreasing in [0, 999]. */
  timesteps(steps: number): number[];
}
