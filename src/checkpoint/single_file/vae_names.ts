import type { WeightInfo } from '../../graph/weights.js';
import { splitName, type Tensors } from './renamed.js';

const MODULES: Readonly<Record<string, string>> = {
  'mid.block_1': 'mid_block.resnets.0',
  'mid.block_2': 'mid_block.resnets.1',
  'mid.attn_1': 'mid_block.attentions.0',
  norm_out: 'conv_norm_out',
};
const ATTENTION: Readonly<Record<string, string>> = { norm: 'group_norm', q: 'to_q', k: 'to_k', v: 'to_v', proj_out: 'to_out.0' };

/**
 * The weights of an autoencoder in the layout of CompVis' latent-diffusion by the names that diffusers has for them. There, a decoder's levels are
 * numbered from the image down, and the linear layers of the attention are convolutions of one pixel.
 */
export function vaeWeights(tensors: Tensors): Map<string, WeightInfo> {
  const levels = new Set([...tensors.keys()].flatMap((name) => /^decoder\.up\.(\d+)\./.exec(name)?.[1] ?? [])).size;
  const renamed = new Map<string, WeightInfo>();
  for (const [name, info] of tensors) {
    const [module, parameter] = splitName(name);
    const [, side, inside] = /^(encoder|decoder)\.(.+)$/.exec(module) ?? [];
    if (module === 'quant_conv' || module === 'post_quant_conv') renamed.set(name, info);
    else if (side !== undefined && inside !== undefined) {
      const isLinear = /^mid\.attn_1\.(q|k|v|proj_out)$/.test(inside) && parameter === 'weight';
      renamed.set(`${side}.${moduleName(inside, levels)}.${parameter}`, isLinear ? { ...info, shape: info.shape.slice(0, 2) } : info);
    }
  }
  return renamed;
}

function moduleName(inside: string, levels: number): string {
  const [, down, block, part] = /^down\.(\d+)\.block\.(\d+)\.(.+)$/.exec(inside) ?? [];
  if (down !== undefined) return `down_blocks.${down}.resnets.${block}.${resnetPart(part!)}`;
  const [, up, upBlock, upPart] = /^up\.(\d+)\.block\.(\d+)\.(.+)$/.exec(inside) ?? [];
  if (up !== undefined) return `up_blocks.${levels - 1 - Number(up)}.resnets.${upBlock}.${resnetPart(upPart!)}`;
  const [, direction, level] = /^(down|up)\.(\d+)\.\w+sample\.conv$/.exec(inside) ?? [];
  if (direction === 'down') return `down_blocks.${level}.downsamplers.0.conv`;
  if (direction === 'up') return `up_blocks.${levels - 1 - Number(level)}.upsamplers.0.conv`;
  const [, middle, middlePart] = /^(mid\.\w+)\.(.+)$/.exec(inside) ?? [];
  if (middle === undefined || MODULES[middle] === undefined) return MODULES[inside] ?? inside;
  return `${MODULES[middle]}.${middle === 'mid.attn_1' ? (ATTENTION[middlePart!] ?? middlePart) : resnetPart(middlePart!)}`;
}

const resnetPart = (part: string): string => (part === 'nin_shortcut' ? 'conv_shortcut' : part);
