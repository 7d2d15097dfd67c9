import { elementCount, type WeightInfo } from '../../graph/weights.js';
import type { Tensors } from './renamed.js';

/** Positions 0, 1, 2, ..., which some files have among the weights. */
const isPositions = (name: string): boolean => name.endsWith('position_ids');

/** The weights of CLIP's text encoder of transformers by the names of today; files of merged models may lack their first part. */
export const clipWeights = (tensors: Tensors): Map<string, WeightInfo> =>
  new Map(
    [...tensors].flatMap(([name, info]) => {
      if (isPositions(name)) return [];
      return [[/^(embeddings|encoder|final_layer_norm)\./.test(name) ? `text_model.${name}` : name, info]];
    }),
  );

const ENDS: Readonly<Record<string, string>> = {
  positional_embedding: 'text_model.embeddings.position_embedding.weight',
  'token_embedding.weight': 'text_model.embeddings.token_embedding.weight',
  'ln_final.weight': 'text_model.final_layer_norm.weight',
  'ln_final.bias': 'text_model.final_layer_norm.bias',
  'text_projection.weight': 'text_projection.weight',
};
const PARTS: Readonly<Record<string, string>> = {
  ln_1: 'layer_norm1',
  ln_2: 'layer_norm2',
  'mlp.c_fc': 'mlp.fc1',
  'mlp.c_proj': 'mlp.fc2',
  'attn.out_proj': 'self_attn.out_proj',
};

/**
 * The weights of OpenCLIP's text encoder by the names that transformers has for them. There, query, key and value are the rows of one matrix, and
 * the projection is multiplied from the other side.
 */
export function openClipWeights(tensors: Tensors): Map<string, WeightInfo> {
  const renamed = new Map<string, WeightInfo>();
  for (const [name, info] of tensors) {
    const [, number, part, parameter] = /^transformer\.resblocks\.(\d+)\.(.+)[._](weight|bias)$/.exec(name) ?? [];
    const layer = `text_model.encoder.layers.${number}`;
    if (Object.hasOwn(ENDS, name)) renamed.set(ENDS[name]!, info);
    else if (name === 'text_projection') renamed.set('text_projection.weight', transposed(info));
    else if (part === 'attn.in_proj')
      for (const [k, letter] of ['q', 'k', 'v'].entries()) renamed.set(`${layer}.self_attn.${letter}_proj.${parameter}`, third(info, k));
    else if (part !== undefined && Object.hasOwn(PARTS, part)) renamed.set(`${layer}.${PARTS[part]}.${parameter}`, info);
  }
  return renamed;
}

/** The rows of one of three parts of a weight that lie one after the other. */
function third(info: WeightInfo, k: number): WeightInfo {
  const [rows, ...rest] = info.shape as [number, ...number[]];
  // Where three parts do not come out even, their shape is wrong, and is refused where they are used.
  const length = Math.floor(rows / 3) * elementCount(rest) * (info.length / elementCount(info.shape) || 0);
  return { ...info, shape: [rows / 3, ...rest], offset: info.offset + k * length, length };
}

const transposed = (info: WeightInfo): WeightInfo => ({ ...info, shape: [...info.shape].reverse(), isTransposed: true });
