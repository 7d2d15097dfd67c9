import type { Attributes, Graph, Node, Value } from '../../../graph.js';

/** As the layers number them (native/inference/layers/activation.h). */
const ACTIVATIONS: Readonly<Record<string, number>> = { Relu: 1, Silu: 2, Gelu: 3, QuickGelu: 4 };

/** The domain of the native core's operators. */
const LAYERS = 'latino.cpu';

/** How rows of channels lie in memory, as the layers number it (native/inference/layers/layout.h): [N, S, C] or [N, C, ...]. */
export const TOKENS = 0;
export const IMAGE = 1;

/** Names of the values that a node reads, also inside the body of a loop. */
export function readBy({ inputs, attributes }: Node): string[] {
  const bodies = Object.values(attributes).flatMap((attribute) =>
    attribute.kind === 'graph' ? attribute.value.nodes.flatMap(readBy) : [],
  );
  return [...inputs.map((input) => input.name), ...bodies];
}

/** Which node makes a value and which nodes read it, of the nodes that no layer has replaced yet. */
export class Links {
  readonly replaced = new Set<Node>();
  private readonly producers = new Map<string, Node>();
  private readonly consumers = new Map<string, Node[]>();

  constructor(readonly graph: Graph) {
    for (const node of graph.nodes) {
      for (const output of node.outputs) this.producers.set(output.name, node);
      for (const name of readBy(node)) this.consumers.set(name, [...(this.consumers.get(name) ?? []), node]);
    }
  }

  producer(value: Value): Node | undefined {
    return this.free(this.producers.get(value.name));
  }

  /** A node that reads a value n times is n consumers. */
  consumersOf(value: Value): readonly Node[] {
    return this.consumers.get(value.name) ?? [];
  }

  soleConsumer(node: Node): Node | undefined {
    const consumers = this.consumersOf(node.outputs[0]!);
    return consumers.length === 1 ? this.free(consumers[0]) : undefined;
  }

  private free(node: Node | undefined): Node | undefined {
    return node && !this.replaced.has(node) ? node : undefined;
  }
}

/** Nodes that one layer replaces. All but the last are read only inside the chain. */
export class Chain {
  /** In the order of the graph. */
  readonly parts: Node[];

  constructor(
    readonly links: Links,
    node: Node,
  ) {
    this.parts = [node];
  }

  get input(): Value {
    return this.parts[0]!.inputs[0]!;
  }
  get last(): Node {
    return this.parts[this.parts.length - 1]!;
  }
  get output(): Value {
    return this.last.outputs[0]!;
  }

  /** The nodes before the chain, nearest last, where they are what `kinds` says and nobody else reads what they make. */
  before(...kinds: readonly ((node: Node) => boolean)[]): Node[] | undefined {
    const found: Node[] = [];
    let value = this.input;
    for (const isKind of [...kinds].reverse()) {
      const node = this.links.producer(value);
      if (!node || !isKind(node) || this.links.consumersOf(value).length !== 1) return undefined;
      found.unshift(node);
      value = node.inputs[0]!;
    }
    return found;
  }

  /** The nodes after the chain, nearest first, likewise. */
  after(...kinds: readonly ((node: Node) => boolean)[]): Node[] | undefined {
    const found: Node[] = [];
    let node = this.last;
    for (const isKind of kinds) {
      const next = this.links.soleConsumer(node);
      if (!next || !isKind(next)) return undefined;
      found.push(next);
      node = next;
    }
    return found;
  }

  /** Takes in a sum with a value of the same shape, and returns that value. */
  absorbResidual(): Value | undefined {
    const [sum] = this.after(isAdd) ?? [];
    const other = sum && otherTerm(sum, this.output);
    if (other) this.parts.push(sum);
    return other;
  }

  /** Takes in an activation, and returns its number, 0 for none. */
  absorbActivation(): number {
    const next = this.links.soleConsumer(this.last);
    const activation = (next && activationOf(next)) ?? 0;
    if (next && activation > 0) this.parts.push(next);
    return activation;
  }

  replacedBy(opType: string, inputs: readonly Value[], attributes: Attributes): Node {
    return { opType, domain: LAYERS, inputs, outputs: this.last.outputs, attributes };
  }
}

/** A layer of the native core, of this kind or of any. */
export const isLayer = ({ opType, domain }: Node, kind?: string): boolean => domain === LAYERS && (kind === undefined || opType === kind);

export const isAdd = (node: Node): boolean => node.opType === 'Add';

/** What a sum adds to `value`, where it has the same shape. */
export function otherTerm(sum: Node, value: Value): Value | undefined {
  const other = sum.inputs.find((input) => input.name !== value.name);
  return other?.dims.join() === value.dims.join() ? other : undefined;
}

export const activationOf = (node: Node): number | undefined => (node.outputs.length === 1 ? ACTIVATIONS[node.opType] : undefined);

/** A convolution, or the derivative of one, that pads by (kernel - 1) / 2. */
export function isConvolution({ opType, attributes }: Node, kernel: 1 | 3, stride: 1 | 2 = 1): boolean {
  const ints = (name: string) => {
    const attribute = attributes[name];
    return attribute?.kind === 'ints' ? attribute.value.join() : undefined;
  };
  const pads = kernel === 3 ? '1,1,1,1' : '0,0,0,0';
  return (
    (opType === 'Conv' || opType === 'ConvTranspose') &&
    ints('kernel_shape') === `${kernel},${kernel}` &&
    ints('strides') === `${stride},${stride}` &&
    ints('pads') === pads
  );
}
