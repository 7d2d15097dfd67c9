import { ABSENT, type Attributes, type Graph, int, type Node, text, type Value } from './graph.js';

/** As the kernels number them (native/inference/cpu/activation.h). */
const ACTIVATIONS: Readonly<Record<string, number>> = { Relu: 1, Silu: 2 };

/**
 * Replaces 3 x 3 convolutions and group normalisations by the kernels of the native core (domain 'latino.cpu'), which do in the same
 * pass what surrounds them: doubling before a convolution, a residual sum and an activation after it. Convolutions may be transposed;
 * their kernels read the weights themselves, into the form that suits the size of the image.
 */
export function fuse(graph: Graph): Graph {
  const fusion = new Fusion(graph);
  const fused = graph.withoutNodes();
  const replacements = new Map<Node, Node>();
  const absorbed = new Set<Node>();
  for (const node of graph.nodes) {
    const chain = fusion.convolution(node) ?? fusion.normalization(node);
    if (!chain) continue;
    for (const part of chain.parts) absorbed.add(part);
    replacements.set(chain.parts[chain.parts.length - 1]!, chain.node);
  }
  // A kernel stands where the last of its parts stood: all that it reads has been computed there.
  for (const node of graph.nodes) {
    const replacement = replacements.get(node);
    if (replacement) fused.append(replacement);
    else if (!absorbed.has(node)) fused.append(node);
  }
  moveKernelWeights(fused);
  return fused;
}

function moveKernelWeights(graph: Graph): void {
  const usedElsewhere = new Set(graph.nodes.flatMap(readBy));
  for (const { opType, attributes } of graph.nodes) {
    if (opType !== 'Conv3x3') continue;
    const name = String(attributes.weight!.value);
    const weight = graph.weights.get(name);
    if (!weight) continue;
    graph.kernelWeights.set(name, weight);
    if (!usedElsewhere.has(name)) graph.weights.delete(name);
  }
}

interface Chain {
  /** In the order of the graph. */
  readonly parts: readonly Node[];
  readonly node: Node;
}

class Fusion {
  private readonly producers = new Map<string, Node>();
  private readonly consumers = new Map<string, Node[]>();

  constructor(private readonly graph: Graph) {
    for (const node of graph.nodes) {
      for (const output of node.outputs) this.producers.set(output.name, node);
      for (const name of readBy(node)) this.consumers.set(name, [...(this.consumers.get(name) ?? []), node]);
    }
  }

  convolution(node: Node): Chain | undefined {
    const [source, weight, bias] = node.inputs as [Value, Value, Value?];
    const isTransposed = node.opType === 'ConvTranspose';
    if (!(node.opType === 'Conv' || isTransposed) || !this.graph.weights.has(weight.name) || !isPlain3x3(node)) return undefined;
    const parts = [node];
    let [x, upsample, residual] = [source, 0, ABSENT];
    const before = this.producers.get(source.name);
    if (before?.opType === 'Upsample2x' && this.soleConsumer(before)) {
      parts.unshift(before);
      x = before.inputs[0]!;
      upsample = 1;
    }
    const sum = this.soleConsumer(node);
    if (sum?.opType === 'Add') {
      const [result] = node.outputs as [Value];
      const other = sum.inputs.find((input) => input.name !== result.name);
      if (other?.dims.join() === result.dims.join()) {
        residual = other;
        parts.push(sum);
      }
    }
    const activation = this.absorbActivation(parts);
    const attributes = {
      weight: text(weight.name),
      activation: int(activation),
      upsample: int(upsample),
      transposed: int(isTransposed ? 1 : 0),
    };
    return replace(parts, 'Conv3x3', [x, bias ?? ABSENT, residual], attributes);
  }

  normalization(node: Node): Chain | undefined {
    // The kernel keeps to itself what the reverse pass asks for.
    if (node.opType !== 'GroupNormalization' || node.outputs.length > 1) return undefined;
    const { num_groups: groups, epsilon } = node.attributes;
    const parts = [node];
    const activation = this.absorbActivation(parts);
    return replace(parts, 'GroupNorm', node.inputs, { groups: groups!, epsilon: epsilon!, activation: int(activation) });
  }

  private absorbActivation(parts: Node[]): number {
    const next = this.soleConsumer(parts[parts.length - 1]!);
    const activation = next?.outputs.length === 1 && ACTIVATIONS[next.opType];
    if (!activation) return 0;
    parts.push(next);
    return activation;
  }

  private soleConsumer(node: Node): Node | undefined {
    const consumers = this.consumers.get(node.outputs[0]!.name) ?? [];
    return consumers.length === 1 ? consumers[0] : undefined;
  }
}

/** Names of the values that a node reads, also inside the body of a loop. */
function readBy({ inputs, attributes }: Node): string[] {
  const bodies = Object.values(attributes).flatMap((attribute) =>
    attribute.kind === 'graph' ? attribute.value.nodes.flatMap(readBy) : [],
  );
  return [...inputs.map((input) => input.name), ...bodies];
}

function replace(parts: readonly Node[], opType: string, inputs: readonly Value[], attributes: Attributes): Chain {
  return { parts, node: { opType, domain: 'latino.cpu', inputs, outputs: parts[parts.length - 1]!.outputs, attributes } };
}

function isPlain3x3({ attributes }: Node): boolean {
  const ints = (name: string) => {
    const attribute = attributes[name];
    return attribute?.kind === 'ints' ? attribute.value.join() : undefined;
  };
  return ints('kernel_shape') === '3,3' && ints('strides') === '1,1' && ints('pads') === '1,1,1,1';
}
