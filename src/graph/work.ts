import type { Graph, Node, Value } from './graph.js';
import { type Lengths, lengthOf } from './lengths.js';
import { peakOf } from './peak_bytes.js';

/** Kinds of operators, each with a speed of its own. */
export const WORK_KINDS = ['convolution', 'linear', 'attention', 'values'] as const;
export type WorkKind = (typeof WORK_KINDS)[number];

/** Multiply-adds of each kind; of all others, whose time goes with what they read and write, the values that they give. */
export type Work = Readonly<Record<WorkKind, number>>;

/** What a run takes with inputs of these lengths, of a network as it was written, before a target's passes. */
export function workOf(graph: Graph, lengths: Lengths): Work {
  const work = { convolution: 0, linear: 0, attention: 0, values: 0 };
  for (const node of graph.nodes) {
    const rule = RULES[node.opType];
    if (rule) work[rule.kind] += rule.count(node, (value) => elements(value, lengths));
    else for (const output of node.outputs) work.values += elements(output, lengths);
  }
  return work;
}

interface Rule {
  readonly kind: Exclude<WorkKind, 'values'>;
  readonly count: (node: Node, elements: (value: Value) => number) => number;
}

const RULES: Readonly<Record<string, Rule>> = {
  /** Each result is a sum over the weights of one output channel. */
  Conv: {
    kind: 'convolution',
    count: ({ inputs, outputs }, elements) => (elements(outputs[0]!) * elements(inputs[1]!)) / Number(inputs[1]!.dims[0]),
  },
  /** Each of what comes in goes into the weights of one input channel. */
  ConvTranspose: {
    kind: 'convolution',
    count: ({ inputs: [x, weight] }, elements) => (elements(x!) * elements(weight!)) / Number(weight!.dims[0]),
  },
  /** Each result is a sum over a row of the weights. */
  Linear: { kind: 'linear', count: ({ inputs, outputs }, elements) => elements(outputs[0]!) * Number(inputs[1]!.dims[1]) },
  /** Every query with every key, and again with every value. */
  Attention: {
    kind: 'attention',
    count: ({ inputs: [query, key] }, elements) => 2 * elements(query!) * (elements(key!) / Number(key!.dims[2]) / elements(batchOf(key!))),
  },
};

const batchOf = (value: Value): Value => ({ ...value, dims: value.dims.slice(0, 1) });

/** Bytes of the values that are in memory at the same time, at most; the inputs are the caller's. */
export const peakBytes = ({ nodes }: Graph, lengths: Lengths): number =>
  peakOf(nodes, (value) => (value.dtype === 'f32' ? 4 * elements(value, lengths) : 0));

const elements = ({ dims }: Value, lengths: Lengths): number => dims.reduce<number>((product, dim) => product * lengthOf(dim, lengths), 1);
