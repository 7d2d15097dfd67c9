import type { Graph, Value } from '../graph/graph.js';
import { add, conv, groupNorm, linear, perChannel, silu } from './layers.js';

export interface ResnetOptions {
  readonly groups: number;
  readonly epsilon: number;
  /** SiLU of the time embedding [N, E], in networks that have one. */
  readonly time?: Value;
}

/** Diffusers' ResnetBlock2D: two convolutions and a residual around them, [N, C, h, w] to [N, channels, h, w]. */
export function resnetBlock(g: Graph, x: Value, name: string, channels: number, { groups, epsilon, time }: ResnetOptions): Value {
  let hidden = conv(g, silu(g, groupNorm(g, x, `${name}.norm1`, groups, epsilon)), `${name}.conv1`, channels);
  if (time) hidden = add(g, hidden, perChannel(g, linear(g, time, `${name}.time_emb_proj`, channels)));
  hidden = conv(g, silu(g, groupNorm(g, hidden, `${name}.norm2`, groups, epsilon)), `${name}.conv2`, channels);
  const shortcut = x.dims[1] === channels ? x : conv(g, x, `${name}.conv_shortcut`, channels, { kernel: 1 });
  return add(g, hidden, shortcut);
}
