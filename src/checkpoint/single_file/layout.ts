import { LatinoError } from '../../errors.js';
import type { SafetensorsFile } from '../safetensors.js';
import { FolderWeights } from '../weights_folder.js';
import { below, type Tensors } from './renamed.js';
import { clipWeights, openClipWeights } from './text_names.js';
import { unetWeights } from './unet_names.js';
import { vaeWeights } from './vae_names.js';

interface Place {
  /** How names begin. */
  readonly prefix: string;
  /** Where a network lies in a file by itself, without any beginning: a weight that it has, and that of diffusers' layout has not. */
  readonly mark?: string;
  readonly rename: (tensors: Tensors) => ReturnType<typeof unetWeights>;
}

/** Where a component lies in a file, the first of these that is there. */
const PLACES: Readonly<Record<string, readonly Place[]>> = {
  unet: [
    { prefix: 'model.diffusion_model.', rename: unetWeights },
    { prefix: '', mark: 'input_blocks.0.0.weight', rename: unetWeights },
  ],
  vae: [
    { prefix: 'first_stage_model.', rename: vaeWeights },
    { prefix: '', mark: 'decoder.mid.block_1.conv1.weight', rename: vaeWeights },
  ],
  text_encoder: [
    { prefix: 'cond_stage_model.transformer.', rename: clipWeights },
    { prefix: 'conditioner.embedders.0.transformer.', rename: clipWeights },
  ],
  text_encoder_2: [{ prefix: 'conditioner.embedders.1.model.', rename: openClipWeights }],
};

/** The weights of a component in a file of the single-file layout by the names of diffusers; nothing where it has none in that layout. */
export function partOf({ path, tensors }: SafetensorsFile, component: string): FolderWeights | undefined {
  for (const { prefix, mark, rename } of PLACES[component] ?? []) {
    const inside = mark === undefined ? below(tensors, prefix) : tensors.has(mark) ? tensors : new Map();
    if (inside.size === 0) continue;
    const renamed = rename(inside);
    return new FolderWeights(
      path,
      [],
      renamed,
      [...renamed.values()].reduce((sum, { length }) => sum + length, 0),
    );
  }
  return undefined;
}

/** What the names and shapes of a whole checkpoint say beyond its networks. */
export interface CheckpointMarks {
  readonly isXl: boolean;
  readonly prediction: 'epsilon' | 'v_prediction';
  readonly hasZeroTerminalSnr: boolean;
}

/** What other files are known by, to say what they are. */
const OTHERS: readonly (readonly [isOne: (names: readonly string[]) => boolean, what: string])[] = [
  [any(/(^lora_|\.lora[_.]|\.lora_[AB]\.)/), 'a LoRA, which --lora adds to a model'],
  [any(/(^|\.)joint_blocks\./), 'one of Stable Diffusion 3'],
  [any(/(^|\.)double_blocks\./), 'one of Flux'],
  [any(/^conditioner\.embedders\.0\.model\./), 'the refiner of Stable Diffusion XL'],
  [any(/^cond_stage_model\.model\./), 'one of Stable Diffusion 2.x, which does not say what its UNet predicts: its diffusers folder does'],
  [any(/^edm_/), "one with EDM's noise levels"],
];

function any(pattern: RegExp): (names: readonly string[]) => boolean {
  return (names) => names.some((name) => pattern.test(name));
}

/** What has to be there, so that configurations can be made of it. */
const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  unet: ['conv_in.weight', 'down_blocks.0.resnets.0.conv1.weight', 'mid_block.attentions.0.proj_in.weight'],
  vae: ['encoder.down_blocks.0.resnets.0.conv1.weight', 'decoder.conv_in.weight'],
  text_encoder: ['text_model.embeddings.token_embedding.weight'],
  text_encoder_2: ['text_model.embeddings.token_embedding.weight'],
};

/** Of the weights that a component's configuration is made of, one that is not there. */
export const lackingOf = (component: string, weights: FolderWeights): string | undefined =>
  REQUIRED[component]!.find((name) => !weights.has(name));

/**
 * @param hasOtherVae whether another autoencoder is used, so that the file need not have one
 * @throws LatinoError ERR_LATINO_MODEL when the file holds no whole checkpoint of Stable Diffusion 1.x or XL, or weights that are stored otherwise
 * than we read them
 */
export function requireCheckpoint(file: SafetensorsFile, hasOtherVae: boolean): CheckpointMarks {
  const { tensors, otherDtypes, metadata } = file;
  const names = [...tensors.keys(), ...otherDtypes.keys()];
  const refuse = (found: string): never => {
    throw new LatinoError('ERR_LATINO_MODEL', `Expected a checkpoint of Stable Diffusion 1.x or XL in ${file.path} but found ${found}`);
  };
  const other = OTHERS.find(([isOne]) => isOne(names));
  if (other) refuse(other[1]);
  const isXl = names.some((name) => name.startsWith('conditioner.'));
  const components = ['unet', 'vae', 'text_encoder', ...(isXl ? ['text_encoder_2'] : [])];
  const parts = components.map((component) => [component, partOf(file, component)] as const);
  const quantised = [...otherDtypes].find(([name, dtype]) => dtype.startsWith('F8') && name.endsWith('.weight'));
  if (quantised) refuse(`${quantised[0]} as ${quantised[1]}, not as F32, F16 or BF16`);
  const has = parts.flatMap(([component, part]) => (part ? component : []));
  if (has.length === 0) refuse(names.length === 0 ? 'no tensors' : `tensors such as ${names[0]}`);
  for (const [component, part] of parts) {
    if (!part && component === 'vae' && hasOtherVae) continue;
    if (!part) return refuse(`one without a ${component}, with a ${has.join(' and a ')} alone`);
    const lacking = lackingOf(component, part);
    if (lacking !== undefined) return refuse(`one whose ${component} has no ${lacking}`);
  }
  const inChannels = parts[0]![1]!.tensors.get('conv_in.weight')!.shape[1];
  if (inChannels !== 4) refuse(`one whose unet has ${inChannels} input channels, as those for inpainting or editing have, not 4`);
  const says = (key: string): boolean => ['v', 'v_prediction'].includes(metadata[key] ?? '');
  const isVelocity = names.includes('v_pred') || says('modelspec.prediction_type') || says('modelspec.predict_key');
  return { isXl, prediction: isVelocity ? 'v_prediction' : 'epsilon', hasZeroTerminalSnr: names.includes('ztsnr') };
}
