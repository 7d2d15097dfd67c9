import { ABSENT, type Graph, int, type Node, text, type Value } from '../../../graph.js';
import { Chain, IMAGE, isAdd, isConvolution, isLayer, Links, readBy } from './chain.js';
import { layOutChannels } from './layouts.js';
import { fuseLinear } from './linear.js';
import { absorbLayerNorms, joinLinears } from './linear_inputs.js';

type Fusion = (chain: Chain, node: Node) => Node | undefined;

/**
 * Replaces 3 x 3 convolutions, group normalisations, linear layers and attention by layers of the native core (domain 'latino.cpu'), which do
 * in the same pass what surrounds them: doubling before a convolution, the way from an image to tokens and back, a gate, a residual sum,
 * an activation. Convolutions and linear layers may be transposed; they read the weights themselves, into the form that suits
 * the size of the image.
 */
export function fuse(graph: Graph): Graph {
  const links = new Links(graph);
  const fused = graph.withoutNodes();
  const replacements = new Map<Node, Node>();
  for (const node of graph.nodes) {
    if (links.replaced.has(node)) continue;
    const chain = new Chain(links, node);
    const layer = FUSIONS[node.opType]?.(chain, node);
    if (!layer) continue;
    for (const part of chain.parts) links.replaced.add(part);
    replacements.set(chain.last, layer);
  }
  // A layer stands where the last of its parts stood: all that it reads has been computed there.
  const nodes = graph.nodes.flatMap((node) => replacements.get(node) ?? (links.replaced.has(node) ? [] : [node]));
  const layers = absorbLayerNorms(joinLinears(alive(nodes, graph.outputs)));
  for (const node of layOutChannels(layers, graph.outputs)) fused.append(node);
  moveLayerWeights(fused);
  return fused;
}

const FUSIONS: Readonly<Record<string, Fusion>> = {
  Conv: (chain, node) => fuseConvolution(chain, node) ?? fuseLinear(chain, node),
  ConvTranspose: (chain, node) => fuseConvolution(chain, node) ?? fuseLinear(chain, node),
  Linear: fuseLinear,
  MatMul: fuseLinear,
  GroupNormalization: fuseNormalization,
  Attention: (chain, node) => chain.replacedBy('Attention', node.inputs, node.attributes),
};

function fuseConvolution(chain: Chain, node: Node): Node | undefined {
  const [, weight, bias] = node.inputs as [Value, Value, Value?];
  const isHalving = node.opType === 'Conv' && isConvolution(node, 3, 2);
  if (!(isHalving || isConvolution(node, 3)) || !chain.links.graph.weights.has(weight.name)) return undefined;
  const before = (!isHalving && chain.before(({ opType }) => opType === 'Upsample2x')) || [];
  chain.parts.unshift(...before);
  const shift = absorbShift(chain);
  const residual = chain.absorbResidual();
  const attributes = {
    weight: text(weight.name),
    activation: int(chain.absorbActivation()),
    upsample: int(before.length),
    stride: int(isHalving ? 2 : 1),
    transposed: int(node.opType === 'ConvTranspose' ? 1 : 0),
    from: int(IMAGE),
    to: int(IMAGE),
  };
  return chain.replacedBy('Conv3x3', [chain.input, bias ?? ABSENT, residual ?? ABSENT, shift ?? ABSENT], attributes);
}

/** Takes in a sum with one value per image and channel, such as a time embedding, and returns these: [N, C] or [N, C, 1, 1]. */
function absorbShift(chain: Chain): Value | undefined {
  const [sum] = chain.after(isAdd) ?? [];
  const shift = sum?.inputs.find((input) => input.name !== chain.output.name);
  const [batch, channels] = chain.output.dims;
  if (!sum || shift?.dims.join() !== [batch, channels, 1, 1].join()) return undefined;
  const widening = chain.links.producer(shift);
  const isOwn = widening?.opType === 'Unsqueeze' && chain.links.soleConsumer(widening) === sum;
  if (isOwn) chain.parts.push(widening);
  chain.parts.push(sum);
  return isOwn ? widening.inputs[0] : shift;
}

function fuseNormalization(chain: Chain, node: Node): Node | undefined {
  // The layer keeps to itself what the reverse pass asks for.
  if (node.outputs.length > 1) return undefined;
  const { num_groups: groups, epsilon } = node.attributes;
  return chain.replacedBy('GroupNorm', node.inputs, { groups: groups!, epsilon: epsilon!, activation: int(chain.absorbActivation()) });
}

/** The nodes that the outputs depend on: shapes that only an absorbed node read are not computed. */
function alive(nodes: readonly Node[], outputs: readonly Value[]): Node[] {
  const used = new Set(outputs.map((output) => output.name));
  const kept: Node[] = [];
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some((output) => used.has(output.name))) continue;
    for (const name of readBy(node)) used.add(name);
    kept.push(node);
  }
  return kept.reverse();
}

function moveLayerWeights(graph: Graph): void {
  const usedElsewhere = new Set(graph.nodes.flatMap(readBy));
  const named = graph.nodes
    .filter((node) => isLayer(node))
    .flatMap(({ attributes: { weight, bias } }) => [weight, bias].flatMap((names) => String(names?.value ?? '').split('\n')));
  for (const name of named) {
    const weight = graph.weights.get(name);
    if (!weight) continue;
    graph.layerWeights.set(name, weight);
    if (!usedElsewhere.has(name)) graph.weights.delete(name);
  }
}
