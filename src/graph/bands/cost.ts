import type { Graph, Node, Value } from '../graph.js';
import { peakOf } from '../peak_bytes.js';
import type { Section } from './sections.js';
import type { Sizes } from './sizes.js';

/** Multiplications in the time in which a value is read and written. */
const PER_VALUE = 80;

/** What it takes to compute a network up to each of its values, about, in multiplications; by the value's name. */
export function timesUpTo({ inputs, nodes }: Graph, sizes: Sizes): ReadonlyMap<string, number> {
  const times = new Map(inputs.map(({ name }) => [name, 0]));
  let time = 0;
  for (const node of nodes) {
    time += timeOfNode(node, sizes);
    for (const { name } of node.outputs) times.set(name, time);
  }
  return times;
}

function timeOfNode({ opType, inputs, outputs }: Node, sizes: Sizes): number {
  const values = sizes.elements(outputs[0]!);
  if (opType !== 'Conv') return values * PER_VALUE;
  const [, weight] = inputs as [Value, Value];
  return values * (PER_VALUE + weight.dims.slice(1).reduce<number>((product, dim) => product * Number(dim), 1));
}

/** Bytes of the images that a section has at once, at most; what it is given and what it gives are among them. */
export function peakBytes({ from, nodes }: Section, sizes: Sizes): number {
  // A convolution doubles what it reads as it reads it.
  const bytesOf = (made: Value, { opType, inputs }: Node): number => sizes.bytes(opType === 'Upsample2x' ? inputs[0]! : made);
  return peakOf(nodes, bytesOf, new Map([[from.name, sizes.bytes(from)]]));
}
