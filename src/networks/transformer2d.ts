import type { Graph, Value } from '../graph/graph.js';
import { add, attention, conv, geglu, groupNorm, layerNorm, linear, toImage, toTokens } from './layers.js';

export interface TransformerOptions {
  readonly heads: number;
  /** Number of transformer blocks. */
  readonly depth: number;
  readonly groups: number;
  /** proj_in and proj_out are linear layers on tokens; otherwise 1x1 convolutions on the image. */
  readonly linearProjection: boolean;
}

/** Diffusers' Transformer2DModel: attention over the pixels of `x` [N, C, h, w] and over `text` [N, S, D], with a residual around it. */
export function transformer(g: Graph, x: Value, text: Value, name: string, options: TransformerOptions): Value {
  const channels = Number(x.dims[1]);
  const { linearProjection } = options;
  const normed = groupNorm(g, x, `${name}.norm`, options.groups, 1e-6);
  let tokens = linearProjection
    ? linear(g, toTokens(g, normed), `${name}.proj_in`, channels)
    : toTokens(g, conv(g, normed, `${name}.proj_in`, channels, { kernel: 1 }));
  for (let i = 0; i < options.depth; i++) tokens = transformerBlock(g, tokens, text, `${name}.transformer_blocks.${i}`, options.heads);
  const result = linearProjection
    ? toImage(g, linear(g, tokens, `${name}.proj_out`, channels), x)
    : conv(g, toImage(g, tokens, x), `${name}.proj_out`, channels, { kernel: 1 });
  return add(g, result, x);
}

function transformerBlock(g: Graph, x: Value, text: Value, name: string, heads: number): Value {
  const channels = Number(x.dims[2]);
  const norm = (value: Value, part: string) => layerNorm(g, value, `${name}.${part}`, 1e-5);
  const normed = norm(x, 'norm1');
  let hidden = add(g, x, attend(g, normed, normed, `${name}.attn1`, heads));
  hidden = add(g, hidden, attend(g, norm(hidden, 'norm2'), text, `${name}.attn2`, heads));
  const expanded = geglu(g, norm(hidden, 'norm3'), `${name}.ff.net.0.proj`, 4 * channels);
  return add(g, hidden, linear(g, expanded, `${name}.ff.net.2`, channels));
}

function attend(g: Graph, x: Value, source: Value, name: string, heads: number): Value {
  const channels = Number(x.dims[2]);
  const query = linear(g, x, `${name}.to_q`, channels, { bias: false });
  const key = linear(g, source, `${name}.to_k`, channels, { bias: false });
  const value = linear(g, source, `${name}.to_v`, channels, { bias: false });
  return linear(g, attention(g, query, key, value, heads), `${name}.to_out.0`, channels);
}
