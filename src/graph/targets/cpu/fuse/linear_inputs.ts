import { ABSENT, type Node, text, type Value } from '../../../graph.js';
import { isLayer, readBy } from './chain.js';

const isLinear = (node: Node): boolean => isLayer(node, 'Linear');
const hasResidual = ({ inputs }: Node): boolean => inputs[1]!.name !== '';

/** Linear layers that read the same value become one with several results: queries, keys and values, or the projections of a text. */
export function joinLinears(nodes: readonly Node[]): Node[] {
  const groups = new Map<string, Node[]>();
  for (const node of nodes) {
    if (!isLinear(node) || hasResidual(node)) continue;
    const { weight: _, bias: __, ...settings } = node.attributes;
    const key = JSON.stringify([node.inputs[0]!.name, settings]);
    groups.set(key, [...(groups.get(key) ?? []), node]);
  }
  // The first of a group stands where all that it reads has been computed.
  const joined = new Map<Node, Node[]>();
  for (const [first, ...rest] of groups.values()) {
    joined.set(first!, [join([first!, ...rest])]);
    for (const node of rest) joined.set(node, []);
  }
  return nodes.flatMap((node) => joined.get(node) ?? [node]);
}

function join(nodes: readonly Node[]): Node {
  const lines = (name: 'weight' | 'bias') => text(nodes.map(({ attributes }) => String(attributes[name]!.value)).join('\n'));
  const attributes = { ...nodes[0]!.attributes, weight: lines('weight'), bias: lines('bias') };
  return { ...nodes[0]!, outputs: nodes.flatMap((node) => node.outputs), attributes };
}

/** A layer normalisation that one linear layer alone reads is done there. */
export function absorbLayerNorms(nodes: readonly Node[]): Node[] {
  const readers = new Map<string, Node[]>();
  for (const node of nodes) for (const name of readBy(node)) readers.set(name, [...(readers.get(name) ?? []), node]);
  const norms = new Map<string, Node>();
  for (const node of nodes) {
    const [result] = node.outputs as [Value];
    const [reader, ...others] = readers.get(result.name) ?? [];
    const isAlone = reader && others.length === 0 && isLinear(reader) && reader.inputs[0]!.name === result.name;
    if (node.opType === 'LayerNormalization' && node.outputs.length === 1 && isAlone) norms.set(result.name, node);
  }
  return nodes.flatMap((node) => {
    if (norms.get(node.outputs[0]!.name) === node) return [];
    const norm = isLinear(node) && norms.get(node.inputs[0]!.name);
    if (!norm) return [node];
    const [x, scale, bias] = norm.inputs as [Value, Value, Value?];
    const inputs = [x, node.inputs[1]!, scale, bias ?? ABSENT];
    return [{ ...node, inputs, attributes: { ...node.attributes, epsilon: norm.attributes.epsilon! } }];
  });
}
