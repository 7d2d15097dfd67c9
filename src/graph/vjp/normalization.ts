import { type Dim, groupDims, type Node, type Value } from '../graph.js';
import type { Reverse } from './reverse.js';

/** (x, scale [C], bias [C]) over groups of channels of [N, C, ...]. */
export function groupNormalization(r: Reverse, node: Node, dy: Value): Value {
  const [x, scale] = node.inputs as [Value, Value];
  const groups = Number(node.attributes.num_groups?.value);
  const [batch, channels, ...space] = x.dims as [Dim, number, ...Dim[]];
  const [normalized, inverse] = r.graph.extend(node, [groupDims(x, groups), [batch, groups, 1]]) as [Value, Value];
  const perChannel = r.op('Reshape', [scale, r.integers(channels, ...space.map(() => 1))], { dims: [channels, ...space.map(() => 1)] });
  const scaled = r.reshape(r.mul(dy, perChannel), normalized);
  return r.reshape(standardization(r, normalized, inverse, scaled), x);
}

/** (x, scale [C], bias [C]) over the last axis. */
export function layerNormalization(r: Reverse, node: Node, dy: Value): Value {
  const [x, scale] = node.inputs as [Value, Value];
  const statistic = [...x.dims.slice(0, -1), 1];
  const [mean, inverse] = r.graph.extend(node, [statistic, statistic]) as [Value, Value];
  const normalized = r.mul(r.op('Sub', [x, mean]), inverse);
  return standardization(r, normalized, inverse, r.mul(dy, scale));
}

/**
 * The derivative of n = (x - mean) / deviation over the last axis: (g - mean(g) - n mean(g n)) / deviation,
 * because mean and deviation move with x.
 */
function standardization(r: Reverse, normalized: Value, inverse: Value, g: Value): Value {
  const mean = (value: Value) => r.op('ReduceMean', [value, r.integers(-1)], { dims: inverse.dims });
  const along = r.mul(normalized, mean(r.mul(g, normalized)));
  return r.mul(r.op('Sub', [r.op('Sub', [g, mean(g)]), along]), inverse);
}
