import type { WeightInfo } from '../../graph/weights.js';
import { splitName, type Tensors } from './renamed.js';

const RESNET: Readonly<Record<string, string>> = {
  'in_layers.0': 'norm1',
  'in_layers.2': 'conv1',
  'emb_layers.1': 'time_emb_proj',
  'out_layers.0': 'norm2',
  'out_layers.3': 'conv2',
  skip_connection: 'conv_shortcut',
};

/** What lies in no block. */
const ENDS: Readonly<Record<string, string>> = {
  'time_embed.0': 'time_embedding.linear_1',
  'time_embed.2': 'time_embedding.linear_2',
  'time_embed.cond_proj': 'time_embedding.cond_proj',
  'label_emb.0.0': 'add_embedding.linear_1',
  'label_emb.0.2': 'add_embedding.linear_2',
  'input_blocks.0.0': 'conv_in',
  'out.0': 'conv_norm_out',
  'out.2': 'conv_out',
};

const BLOCK = /^((?:input_blocks|output_blocks)\.\d+\.\d+|middle_block\.\d+)\.(.+)$/;

/**
 * The weights of a UNet in the layout of CompVis' latent-diffusion by the names that diffusers has for them. There, blocks are numbered through
 * over all levels, and what a block is for its number follows from where the image is halved and doubled.
 */
export function unetWeights(tensors: Tensors): Map<string, WeightInfo> {
  const blocks = new Map([...inputBlocks(tensors), ...MIDDLE, ...outputBlocks(tensors)]);
  const renamed = new Map<string, WeightInfo>();
  for (const [name, info] of tensors) {
    const [module, parameter] = splitName(name);
    const [, block, inside] = BLOCK.exec(module) ?? [];
    const place = block === undefined ? undefined : blocks.get(block);
    if (Object.hasOwn(ENDS, module)) renamed.set(`${ENDS[module]}.${parameter}`, info);
    else if (place !== undefined && inside !== undefined) renamed.set(`${place}.${insideOf(place, inside)}.${parameter}`, info);
  }
  return renamed;
}

const MIDDLE: readonly (readonly [string, string])[] = [
  ['middle_block.0', 'mid_block.resnets.0'],
  ['middle_block.1', 'mid_block.attentions.0'],
  ['middle_block.2', 'mid_block.resnets.1'],
];

/** Attentions have the same names inside, in both layouts. */
function insideOf(place: string, inside: string): string {
  if (place.includes('.resnets.')) return RESNET[inside] ?? inside;
  return inside === 'op' ? 'conv' : inside;
}

function* inputBlocks(tensors: Tensors): Generator<[string, string]> {
  let [level, resnet] = [0, 0];
  for (let n = 1; ; n++) {
    const name = `input_blocks.${n}`;
    if (tensors.has(`${name}.0.op.weight`)) {
      yield [`${name}.0`, `down_blocks.${level}.downsamplers.0`];
      level++;
      resnet = 0;
    } else if (tensors.has(`${name}.0.in_layers.0.weight`)) {
      yield [`${name}.0`, `down_blocks.${level}.resnets.${resnet}`];
      yield [`${name}.1`, `down_blocks.${level}.attentions.${resnet}`];
      resnet++;
    } else return;
  }
}

function* outputBlocks(tensors: Tensors): Generator<[string, string]> {
  let [level, resnet] = [0, 0];
  for (let n = 0; tensors.has(`output_blocks.${n}.0.in_layers.0.weight`); n++) {
    const name = `output_blocks.${n}`;
    yield [`${name}.0`, `up_blocks.${level}.resnets.${resnet}`];
    // After the resnet there may be an attention, and after that, or in its place, what doubles the image.
    const doubling = [1, 2].find((k) => tensors.has(`${name}.${k}.conv.weight`));
    if (doubling !== 1) yield [`${name}.1`, `up_blocks.${level}.attentions.${resnet}`];
    resnet++;
    if (doubling === undefined) continue;
    yield [`${name}.${doubling}`, `up_blocks.${level}.upsamplers.0`];
    level++;
    resnet = 0;
  }
}
