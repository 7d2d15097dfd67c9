import { type Attribute, type Graph, int, type Node, type Value } from './graph.js';
import { folderOf, isReadInPlace } from './onnx.js';

/** ONNX's numbers of element types, for Cast. */
const FLOAT = 1;
const FLOAT16 = 10;

/** What an operator takes or gives in float32 whatever the precision of the rest: scales; means and inverse deviations. */
const FLOAT_INPUTS: Readonly<Record<string, readonly number[]>> = { Resize: [2] };
const FLOAT_OUTPUTS: Readonly<Record<string, readonly number[]>> = { LayerNormalization: [1, 2] };

/**
 * The network with values in float16, once `lower` has replaced our own operators. Its inputs and outputs stay float32, and so does what a sine or
 * a cosine is computed from, whose argument goes up to 1000. Weights that are float16 in their file are read in place; others, and constants, are
 * cast once, when ONNX Runtime loads the network.
 */
export function inHalfPrecision(graph: Graph): Graph {
  const halving = new Halving(graph.withoutNodes(), wideNodes(graph));
  halving.append(graph.nodes, halving.graph);
  return halving.graph;
}

/** Sines, cosines, and the nodes that their arguments depend on. */
function wideNodes({ nodes }: Graph): ReadonlySet<Node> {
  const wide = new Set<Node>();
  const read = new Set<string>();
  for (const node of [...nodes].reverse()) {
    if (node.opType !== 'Sin' && node.opType !== 'Cos' && !node.outputs.some(({ name }) => read.has(name))) continue;
    wide.add(node);
    for (const { name } of node.inputs) read.add(name);
  }
  return wide;
}

class Halving {
  /** The float16 form of a float32 value, by its name. */
  private readonly halves = new Map<string, Value>();
  private readonly outputs: ReadonlySet<string>;

  constructor(
    readonly graph: Graph,
    private readonly wide: ReadonlySet<Node>,
  ) {
    this.outputs = new Set(graph.outputs.map(({ name }) => name));
    const folder = folderOf(graph);
    for (const [name, { value, info }] of graph.weights) {
      const weight = { value: { ...value, dtype: 'f16' as const }, info };
      if (!isReadInPlace(weight, folder)) continue;
      graph.weights.set(name, weight);
      this.halves.set(name, weight.value);
    }
  }

  append(nodes: readonly Node[], to: Graph): void {
    for (const node of nodes) {
      if (this.wide.has(node)) to.append(node);
      else if (this.outputs.has(node.outputs[0]!.name)) to.append(this.widened(node));
      else to.append(this.halved(node));
    }
  }

  private halved(node: Node): Node {
    const { opType } = node;
    const inputs = node.inputs.map((input, place) => (FLOAT_INPUTS[opType]?.includes(place) ? input : this.half(input)));
    const attributes = Object.fromEntries(Object.entries(node.attributes).map(([name, each]) => [name, this.inside(each)]));
    const outputs = node.outputs.map((output, place) => (FLOAT_OUTPUTS[opType]?.includes(place) ? output : this.produced(output)));
    return { ...node, inputs, attributes, outputs };
  }

  /** An output of the network, which an Identity names. */
  private widened(node: Node): Node {
    return { ...node, opType: 'Cast', inputs: node.inputs.map((input) => this.half(input)), attributes: { to: int(FLOAT) } };
  }

  private half(value: Value): Value {
    if (value.dtype !== 'f32' || value.name === '') return value;
    const known = this.halves.get(value.name);
    if (known) return known;
    const half = this.graph.op('Cast', [value], { dims: value.dims, dtype: 'f16', attributes: { to: int(FLOAT16) } });
    this.halves.set(value.name, half);
    return half;
  }

  private produced(value: Value): Value {
    if (value.dtype !== 'f32') return value;
    const half: Value = { ...value, dtype: 'f16' };
    this.halves.set(value.name, half);
    return half;
  }

  /** The body of a loop, whose inputs and outputs are as wide as what goes round in it. */
  private inside(attribute: Attribute): Attribute {
    if (attribute.kind !== 'graph') return attribute;
    const body = this.graph.body(attribute.value.name);
    body.inputs.push(...attribute.value.inputs.map((input) => this.produced(input)));
    this.append(attribute.value.nodes, body);
    body.outputs.push(...attribute.value.outputs.map((output) => this.half(output)));
    return { kind: 'graph', value: body };
  }
}
