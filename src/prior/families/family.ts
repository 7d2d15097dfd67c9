import type { PictureSize } from '../../device/addon.js';
import type { UNet2DConditionConfig } from '../../networks/unet2d_condition.js';
import type { Window } from '../prior.js';

/** A text encoder of a family: the components of the checkpoint that it consists of, and what of it the UNet is told. */
export interface TextEncoderPart {
  readonly component: 'text_encoder' | 'text_encoder_2';
  readonly tokenizer: 'tokenizer' | 'tokenizer_2';
  /** In transformers. */
  readonly className: 'CLIPTextModel' | 'CLIPTextModelWithProjection';
  /** Which of its states the UNet attends to. */
  readonly states: 'last_hidden_state' | 'hidden_states_penultimate';
  /** Whether its projected, pooled state is an input of the UNet, too. */
  readonly isPooled: boolean;
}

/** What of a restoration its steps depend on. */
export interface Damage {
  /** Whether there are pixels that no measurement sees. */
  readonly hidesPixels: boolean;
  /** Whether the measurement is the image and noise, nothing else. */
  readonly isNoiseAlone: boolean;
}

/** What models of one structure have in common beyond their configurations. */
export interface Family {
  /** As the authors' tables of step sizes call it. */
  readonly name: 'sd15' | 'sdxl';
  /** For messages. */
  readonly title: string;
  /** On Hugging Face's hub, what makes a latent consistency model of one that is none. */
  readonly lcmLora: string;
  /** What encodes the prompt; the states of several lie side by side in c. */
  readonly textEncoders: readonly TextEncoderPart[];
  /** Side in latents of the images that the UNet was trained on, where its configuration does not say. */
  readonly sampleSize: number;
  /** Whether a UNet is of this family. */
  matches(unet: UNet2DConditionConfig): boolean;
  /** Steps of a restoration where nobody says how many. sigma: of the noise on a [0, 1] image. */
  defaultSteps(problem: Damage, sigma: number): number;
  /** The timesteps of a restoration, decreasing in [0, 999]. */
  timesteps(steps: number, problem: Pick<Damage, 'hidesPixels'>): number[];
  /** What the UNet is told of a picture's size and of the part of it that it sees, where it is. */
  timeIds?(picture: PictureSize, window: Window): readonly number[];
}
