import { ABSENT, type Attributes, float, type Graph, groupDims, int, type Node, text, type Value } from '../graph.js';

type Rule = (lowering: Lowering, node: Node) => void;

/** Replaces the operators of domain 'latino' by those of ONNX Runtime that its CPU provider runs fastest and its CUDA provider has, too. */
export function lower(graph: Graph): Graph {
  const lowering = new Lowering(graph.withoutNodes());
  for (const node of graph.nodes) {
    if (node.domain !== 'latino') {
      lowering.graph.append(node);
      continue;
    }
    const rule = RULES[node.opType];
    if (!rule) throw new Error(`no lowering for the operator ${node.opType}`);
    rule(lowering, node);
  }
  return lowering.graph;
}

class Lowering {
  private readonly shapes = new Map<string, Value>();

  constructor(readonly graph: Graph) {}

  op(opType: string, inputs: readonly Value[], attributes: Attributes = {}): Value {
    return this.graph.op(opType, inputs, { dims: [], attributes });
  }

  microsoft(opType: string, inputs: readonly Value[], attributes: Attributes = {}): Value {
    return this.graph.op(opType, inputs, { dims: [], attributes, domain: 'com.microsoft' });
  }

  /** Computes the output of the node that is being replaced. */
  result(node: Node, opType: string, inputs: readonly Value[], attributes: Attributes = {}, domain: '' | 'com.microsoft' = ''): void {
    this.graph.append({ opType, domain, inputs, outputs: node.outputs.slice(0, 1), attributes });
  }

  /** The shape of a value at run time; values whose dimensions have the same names share one node. */
  shape(value: Value): Value {
    const key = value.dims.join(',');
    let shape = this.shapes.get(key);
    if (!shape) {
      shape = this.graph.op('Shape', [value], { dims: [value.dims.length], dtype: 'i64' });
      this.shapes.set(key, shape);
    }
    return shape;
  }
}

const RULES: Readonly<Record<string, Rule>> = {
  /**
   * (x, scale, bias): ONNX Runtime's CPU provider has no group normalisation, so groups become the instances of an instance normalisation.
   * Where the reverse pass needs them, further outputs are the normalised groups [N, G, C/G h w] and 1 / deviation [N, G, 1]. Of a band of an image
   * the moments of the whole are a fourth input (`groupMoments` of the addon).
   */
  GroupNormalization(lowering, node) {
    const [x, scale, bias, moments] = node.inputs as [Value, Value, Value, Value?];
    const { graph } = lowering;
    const groups = number(node, 'num_groups');
    const channels = Number(scale.dims[0]);
    const grouped = graph.op('Reshape', [x, graph.integers(0, groups, -1)], { dims: groupDims(x, groups) });
    const epsilon = number(node, 'epsilon');
    let normalized: Value;
    if (moments) normalized = standardizeBy(lowering, grouped, moments, epsilon);
    else if (node.outputs.length > 1) normalized = standardize(lowering, node, grouped, epsilon);
    else normalized = instanceNorm(lowering, grouped, groups, epsilon);
    const restored = graph.op('Reshape', [normalized, lowering.shape(x)], { dims: x.dims });
    const perChannel = graph.integers(channels, 1, 1);
    const scaled = lowering.op('Mul', [restored, lowering.op('Reshape', [scale, perChannel])]);
    lowering.result(node, 'Add', [scaled, lowering.op('Reshape', [bias, perChannel])]);
  },

  /** (x, weight [out, in], bias?): x weight^T + bias over the last axis. */
  Linear(lowering, node) {
    const [x, weight, bias] = node.inputs as [Value, Value, Value?];
    if (x.dims.length === 2) {
      lowering.result(node, 'Gemm', node.inputs, { transB: int(1) });
      return;
    }
    if (!bias) {
      lowering.result(node, 'FusedMatMul', [x, weight], { transB: int(1) }, 'com.microsoft');
      return;
    }
    lowering.result(node, 'Add', [lowering.microsoft('FusedMatMul', [x, weight], { transB: int(1) }), bias]);
  },

  /** (query, key, value), each [N, S, heads * size]. */
  Attention(lowering, node) {
    const attributes = { num_heads: int(number(node, 'num_heads')), unidirectional: int(number(node, 'causal')) };
    lowering.result(node, 'MultiHeadAttention', node.inputs, attributes, 'com.microsoft');
  },

  /** Where the reverse pass needs it, a second output is sigmoid(x). */
  Silu(lowering, node) {
    const [, sigmoid] = node.outputs;
    if (sigmoid) {
      lowering.graph.append({ opType: 'Sigmoid', domain: '', inputs: node.inputs, outputs: [sigmoid], attributes: {} });
      lowering.graph.append({ opType: 'Mul', domain: '', inputs: [...node.inputs, sigmoid], outputs: [node.outputs[0]!], attributes: {} });
      return;
    }
    lowering.result(node, 'QuickGelu', node.inputs, { alpha: float(1) }, 'com.microsoft');
  },

  /** x sigmoid(1.702 x) */
  QuickGelu(lowering, node) {
    lowering.result(node, 'QuickGelu', node.inputs, { alpha: float(1.702) }, 'com.microsoft');
  },

  /** The exact one, by erf. */
  Gelu(lowering, node) {
    lowering.result(node, 'Gelu', node.inputs, {}, 'com.microsoft');
  },

  /** Nearest neighbour, twice as high and wide. */
  Upsample2x(lowering, node) {
    const [x] = node.inputs as [Value];
    const scales = lowering.graph.constant([1, 1, 2, 2]);
    const attributes = { mode: text('nearest'), coordinate_transformation_mode: text('asymmetric'), nearest_mode: text('floor') };
    lowering.result(node, 'Resize', [x, ABSENT, scales], attributes);
  },
};

function instanceNorm(lowering: Lowering, grouped: Value, groups: number, epsilon: number): Value {
  const ones = lowering.graph.constant(new Float32Array(groups).fill(1));
  const zeros = lowering.graph.constant(new Float32Array(groups));
  return lowering.op('InstanceNormalization', [grouped, ones, zeros], { epsilon: float(epsilon) });
}

/** By the means and variances of `moments` [N, G, 3], which stand after a count. */
function standardizeBy(lowering: Lowering, grouped: Value, moments: Value, epsilon: number): Value {
  const { graph } = lowering;
  const column = (at: number) => lowering.op('Slice', [moments, graph.integers(at), graph.integers(at + 1), graph.integers(-1)]);
  const deviation = lowering.op('Sqrt', [lowering.op('Add', [column(2), graph.scalar(epsilon)])]);
  return lowering.op('Div', [lowering.op('Sub', [grouped, column(1)]), deviation]);
}

/** The same step by step, because InstanceNormalization keeps its statistics to itself. */
function standardize({ graph }: Lowering, node: Node, grouped: Value, epsilon: number): Value {
  const [, normalized, inverse] = node.outputs as [Value, Value, Value];
  const op = (opType: string, inputs: Value[]) => graph.op(opType, inputs, { dims: [] });
  const last = graph.integers(-1);
  const centred = op('Sub', [grouped, op('ReduceMean', [grouped, last])]);
  const variance = op('ReduceMean', [op('Mul', [centred, centred]), last]);
  const deviation = op('Sqrt', [op('Add', [variance, graph.scalar(epsilon)])]);
  graph.append({ opType: 'Reciprocal', domain: '', inputs: [deviation], outputs: [inverse], attributes: {} });
  graph.append({ opType: 'Mul', domain: '', inputs: [centred, inverse], outputs: [normalized], attributes: {} });
  return normalized;
}

function number(node: Node, name: string): number {
  const attribute = node.attributes[name];
  if (typeof attribute?.value !== 'number') throw new Error(`${node.opType} lacks the attribute ${name}`);
  return attribute.value;
}
