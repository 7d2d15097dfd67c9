import { type Graph, type Node, PART_OUTPUT, type Value } from '../graph.js';

/** A group normalisation, of whose input the moments over the whole image must be known where it is computed in bands. */
export interface Norm {
  readonly node: Node;
  readonly x: Value;
  readonly groups: number;
  /** The input of a part that takes them, [N, groups, 3]. */
  readonly moments: Value;
}

/** What lies between two values of a network through which everything passes. */
export interface Section {
  readonly from: Value;
  readonly to: Value;
  /** In the order of the graph. */
  readonly nodes: readonly Node[];
}

/** Operators that compute a row of an image from the rows about it, and from nothing else. */
const ROW_BY_ROW = new Set(['Conv', 'Upsample2x', 'Add', 'Mul', 'Clip', 'Identity', 'Silu', 'Relu', 'Tanh', 'Slice', 'GroupNormalization']);
/** Those that cost little beside storing what they make. */
const ENDS = new Set(['Conv', 'Add']);

/**
 * The values through which everything in a network of one input and one output passes, from the one to the other: images, each made by a
 * convolution or a sum. Nothing made before one is read after it.
 */
export function waists({ inputs, nodes, outputs }: Graph): Value[] {
  const [input] = inputs as [Value];
  const lastUse = new Map<string, number>();
  for (const [at, node] of nodes.entries()) for (const { name } of node.inputs) lastUse.set(name, at);
  const found = [input];
  const live = new Set([input.name]);
  for (const [at, node] of nodes.entries()) {
    for (const { name } of node.outputs) live.add(name);
    for (const name of live) if ((lastUse.get(name) ?? -1) <= at) live.delete(name);
    const [made] = node.outputs as [Value];
    if (live.size === 1 && live.has(made.name) && made.dims.length === 4 && ENDS.has(node.opType)) found.push(made);
  }
  return [...found, outputs[0]!];
}

/** What computes `to` from `from`, a waist before it. */
export function section({ nodes }: Pick<Graph, 'nodes'>, from: Value, to: Value): Section {
  const wanted = new Set([to.name]);
  const found: Node[] = [];
  for (let at = nodes.length - 1; at >= 0; at--) {
    const node = nodes[at]!;
    const [made] = node.outputs as [Value];
    // All that is computed from a waist stands after it.
    if (made.name === from.name) break;
    if (!wanted.has(made.name)) continue;
    for (const { name } of node.inputs) wanted.add(name);
    found.push(node);
  }
  return { from, to, nodes: found.reverse() };
}

export const isRowByRow = ({ nodes }: Section): boolean =>
  nodes.every((node) => ROW_BY_ROW.has(node.opType) && (node.opType !== 'Conv' || isCentred(node)));

/** Not one over patches. */
const isCentred = ({ attributes }: Node): boolean => [1, 3].includes((attributes.kernel_shape!.value as number[])[0]!);

/** Its normalisations, in the order of the graph. */
export const normsOf = ({ nodes }: Section): Norm[] =>
  nodes
    .filter(({ opType }) => opType === 'GroupNormalization')
    .map((node) => {
      const [x] = node.inputs as [Value];
      const groups = Number(node.attributes.num_groups!.value);
      const moments: Value = { name: `moments of ${node.outputs[0]!.name}`, dtype: 'f32', dims: [x.dims[0]!, groups, 3] };
      return { node, x, groups, moments };
    });

/** The network of a section, of the whole image. Its result is named `PART_OUTPUT`. */
export const wholePart = (graph: Graph, { from, to, nodes }: Section): Graph => graph.part([from], nodes, to);

/** The network of a section, of a band of the image: it takes the moments of its normalisations, too. */
export function bandPart(graph: Graph, whole: Section): Graph {
  const norms = new Map(normsOf(whole).map((norm) => [norm.node, norm]));
  const nodes = whole.nodes.map((node) => {
    const norm = norms.get(node);
    return norm ? { ...node, inputs: [...node.inputs, norm.moments] } : node;
  });
  return graph.part([whole.from, ...[...norms.values()].map(({ moments }) => moments)], nodes, whole.to);
}

export { PART_OUTPUT };
