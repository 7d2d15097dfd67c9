import { join } from 'node:path';
import { z } from 'zod';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { readModelJson } from '../checkpoint/json_file.js';
import { STEP_AUTOENCODER } from '../checkpoint/open_checkpoint.js';
import { loadSchedule, type Schedule } from '../checkpoint/schedule.js';
import { type CLIPTokenizer, loadTokenizer } from '../checkpoint/tokenizer.js';
import { LatinoError } from '../errors.js';
import { AUTOENCODERS, type Autoencoder } from '../networks/autoencoder.js';
import { CLIPTextConfig } from '../networks/clip_text.js';
import { UNet2DConditionConfig } from '../networks/unet2d_condition.js';
import { familyOf } from './families/families.js';
import type { Family, TextEncoderPart } from './families/family.js';
import { guidanceOf, requireClass, requireFittingParts, requireSameLatents } from './model_parts.js';

/** A text encoder as its configuration describes it. */
export interface TextEncoderStructure {
  readonly part: TextEncoderPart;
  readonly tokenizer: CLIPTokenizer;
  readonly config: CLIPTextConfig;
}

/** A model as its configurations describe it, whose parts fit together: all that is known where its weights are not there yet. */
export interface ModelStructure {
  readonly family: Family;
  readonly schedule: Schedule;
  readonly unet: UNet2DConditionConfig;
  readonly vae: Autoencoder;
  /** Of the steps before the last, where that is another. */
  readonly stepAutoencoder?: Autoencoder;
  readonly texts: readonly TextEncoderStructure[];
  /** The guidance scale that is built into the UNet, where it takes one. */
  readonly guidance?: number;
  /** Side in pixels of the square images that the UNet was trained on. */
  readonly nativeSize: number;
  /** Image sides that the networks can halve as often as they do are multiples of this. */
  readonly multiple: number;
  /** Whether the files say that the UNet is a latent consistency model by itself. */
  readonly isConsistencyModel: boolean;
}

/**
 * Reads a diffusers folder's configurations and nothing else.
 *
 * @throws LatinoError ERR_LATINO_MODEL when the folder holds no model of the supported classes, or parts that do not fit together;
 * ERR_LATINO_ARGUMENT when there is a guidance scale that the model cannot take
 */
export async function readStructure(checkpoint: Checkpoint, guidance?: number): Promise<ModelStructure> {
  requireClass(checkpoint, 'unet', ['UNet2DConditionModel']);
  const [schedule, unet, vae, stepAutoencoder] = await Promise.all([
    loadSchedule(checkpoint.component('scheduler')),
    checkpoint.readConfig('unet').then((json) => UNet2DConditionConfig.parse(json)),
    readAutoencoder(checkpoint, 'vae'),
    checkpoint.className(STEP_AUTOENCODER) === undefined ? undefined : readAutoencoder(checkpoint, STEP_AUTOENCODER),
  ]);
  const family = familyOf(unet);
  const texts = await Promise.all(family.textEncoders.map((part) => readTextEncoder(checkpoint, part)));
  requireFittingParts(checkpoint.path, unet, vae, texts);
  if (stepAutoencoder) requireSameLatents(vae, stepAutoencoder);
  return {
    family,
    schedule,
    unet,
    vae,
    stepAutoencoder,
    texts,
    guidance: guidanceOf(unet, guidance),
    nativeSize: Math.max(...[unet.sample_size ?? family.sampleSize].flat()) * vae.downscaling,
    multiple: vae.downscaling * 2 ** (unet.block_out_channels.length - 1),
    // A guidance embedding is what consistency distillation adds to a UNet.
    isConsistencyModel: checkpoint.className('scheduler') === 'LCMScheduler' || unet.time_cond_proj_dim != null,
  };
}

async function readAutoencoder(checkpoint: Checkpoint, component: string): Promise<Autoencoder> {
  const className = requireClass(checkpoint, component, Object.keys(AUTOENCODERS));
  return AUTOENCODERS[className]!(await checkpoint.readConfig(component));
}

async function readTextEncoder(checkpoint: Checkpoint, part: TextEncoderPart): Promise<TextEncoderStructure> {
  requireClass(checkpoint, part.component, [part.className]);
  const [tokenizer, config] = await Promise.all([
    loadTokenizer(checkpoint.component(part.tokenizer)),
    checkpoint.readConfig(part.component).then((json) => CLIPTextConfig.parse(json)),
  ]);
  return { part, tokenizer, config };
}

/** What a network by itself can take the place of. */
export type Part = 'unet' | 'vae';

/**
 * What the config.json of a network by itself says that it is.
 *
 * @throws LatinoError ERR_LATINO_MODEL when it is no network that a restoration could use
 */
export async function readPart(folder: string): Promise<Part> {
  const path = join(folder, 'config.json');
  const json = await readModelJson(path);
  const className = z.looseObject({ _class_name: z.string() }).safeParse(json).data?._class_name;
  if (className === 'UNet2DConditionModel') UNet2DConditionConfig.parse(json);
  else if (className !== undefined && Object.hasOwn(AUTOENCODERS, className)) AUTOENCODERS[className]!(json);
  else {
    const expected = ['UNet2DConditionModel', ...Object.keys(AUTOENCODERS)].join(' or ');
    throw new LatinoError('ERR_LATINO_MODEL', `Expected ${expected} in ${path} but found ${className ?? 'no _class_name'}`);
  }
  return className === 'UNet2DConditionModel' ? 'unet' : 'vae';
}
