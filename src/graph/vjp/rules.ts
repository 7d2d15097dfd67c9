import { type Constant, type Dim, type Graph, ints, type Node, type Value } from '../graph.js';
import { attention } from './attention.js';
import { groupNormalization, layerNormalization } from './normalization.js';
import type { Reverse, Rule } from './reverse.js';

export const RULES: Readonly<Record<string, Rule>> = {
  Identity: (_, __, dy) => [() => dy],
  Add: (_, __, dy) => [() => dy, () => dy],
  Mul: (r, { inputs: [a, b] }, dy) => [() => r.mul(dy, b!), () => r.mul(dy, a!)],

  Sin: (r, { inputs: [x] }, dy) => [() => r.mul(dy, r.op('Cos', [x!]))],
  Cos: (r, { inputs: [x] }, dy) => [() => r.op('Neg', [r.mul(dy, r.op('Sin', [x!]))])],
  Relu: (r, { outputs: [y] }, dy) => [() => r.mul(dy, r.op('Sign', [y!]))],
  Tanh: (r, { outputs: [y] }, dy) => [() => r.mul(dy, r.op('Sub', [r.scalar(1), r.mul(y!, y!)], { dims: y!.dims }))],
  /** y = s x with s = sigmoid(x): y' = s (1 - y) + y. */
  Silu: (r, node, dy) => [
    () => {
      const y = node.outputs[0]!;
      const [s] = r.graph.extend(node, [y.dims]);
      return r.mul(dy, r.op('Add', [r.mul(s!, r.op('Sub', [r.scalar(1), y], { dims: y.dims })), y]));
    },
  ],
  /** y = s x with s = sigmoid(1.702 x): y' = s + 1.702 (y - s y). */
  QuickGelu: (r, { inputs: [x], outputs: [y] }, dy) => [
    () => {
      const s = r.op('Sigmoid', [r.mul(x!, r.scalar(1.702))]);
      return r.mul(dy, r.op('Add', [s, r.mul(r.op('Sub', [y!, r.mul(s, y!)]), r.scalar(1.702))]));
    },
  ],
  /** y = x (1 + erf(u)) / 2 with u = x / sqrt(2): y' = (1 + erf(u)) / 2 + u exp(-u^2) / sqrt(pi). */
  Gelu: (r, { inputs: [x] }, dy) => [
    () => {
      const u = r.mul(x!, r.scalar(Math.SQRT1_2));
      const density = r.mul(r.mul(u, r.scalar(1 / Math.sqrt(Math.PI))), r.op('Exp', [r.op('Neg', [r.mul(u, u)])]));
      const half = r.scalar(0.5);
      return r.mul(dy, r.op('Add', [r.op('Add', [r.mul(r.op('Erf', [u]), half), half]), density]));
    },
  ],
  /** Bounds count as inside, as in PyTorch. */
  Clip: (r, { inputs: [x], outputs: [y] }, dy) => [
    () => r.op('Where', [r.graph.op('Equal', [x!, y!], { dims: x!.dims, dtype: 'bool' }), dy, r.scalar(0)], { dims: x!.dims }),
  ],

  Linear: (r, { inputs: [x, weight] }, dy) => [() => r.op('MatMul', [dy, weight!], { dims: x!.dims })],
  Conv: (r, node, dy) => [() => convolution(r, node, dy)],
  GroupNormalization: (r, node, dy) => [() => groupNormalization(r, node, dy)],
  LayerNormalization: (r, node, dy) => [() => layerNormalization(r, node, dy)],
  Attention: attention,

  /** The mean of four, times four. */
  Upsample2x: (r, { inputs: [x] }, dy) => {
    const attributes = { kernel_shape: ints([2, 2]), strides: ints([2, 2]) };
    return [() => r.mul(r.op('AveragePool', [dy], { dims: x!.dims, attributes }), r.scalar(4))];
  },

  Reshape: (r, { inputs: [x] }, dy) => [() => r.reshape(dy, x!)],
  Unsqueeze: (r, { inputs: [x, axes] }, dy) => [() => r.op('Squeeze', [dy, axes!], { dims: x!.dims })],
  Transpose: (r, node, dy) => [
    () => {
      const perm = numbers(node, 'perm');
      const inverse = perm.map((_, axis) => perm.indexOf(axis));
      return r.op('Transpose', [dy], { dims: node.inputs[0]!.dims, attributes: { perm: ints(inverse) } });
    },
  ],
  Concat: (r, node, dy) => {
    const axis = fromStart(number(node, 'axis'), dy.dims);
    let end = 0;
    return node.inputs.map((input) => {
      const from = end;
      end += Number(input.dims[axis]);
      const to = end;
      return () => r.op('Slice', [dy, r.integers(from), r.integers(to), r.integers(axis)], { dims: input.dims });
    });
  },
  /** Along one axis of fixed length. */
  Slice: (r, { inputs: [x, ...bounds], outputs: [y] }, dy) => [
    () => {
      const [from, , axis] = bounds.map((bound) => constantInteger(r.graph, bound)) as [number, number, number];
      const start = fromStart(axis, x!.dims);
      return { axis: start, from, to: from + Number(y!.dims[start]), cotangent: dy };
    },
  ],
};

/**
 * ConvTranspose with the same weight is the derivative of Conv; it takes the weight as it is, so that no second copy has to be made.
 * A stride of 2 does not tell an odd length from the even one after it, so the result is one longer and then cut.
 */
function convolution(r: Reverse, node: Node, dy: Value): Value {
  const [x, weight] = node.inputs as [Value, Value];
  const isStrided = numbers(node, 'strides').some((stride) => stride > 1);
  const attributes = isStrided
    ? { ...node.attributes, output_padding: ints(numbers(node, 'strides').map((stride) => stride - 1)) }
    : node.attributes;
  const result = r.op('ConvTranspose', [dy, weight], { dims: x.dims, attributes });
  if (!isStrided) return result;
  const axes = x.dims.map((_, axis) => axis);
  return r.op('Slice', [result, r.integers(...axes.map(() => 0)), r.shape(x), r.integers(...axes)]);
}

const fromStart = (axis: number, dims: readonly Dim[]): number => (axis < 0 ? axis + dims.length : axis);

function constantInteger(graph: Graph, value: Value): number {
  const constant: Constant | undefined = graph.constants.get(value.name);
  if (!(constant?.data instanceof BigInt64Array) || constant.data.length !== 1)
    throw new Error(`${value.name} is not one constant integer`);
  return Number(constant.data[0]);
}

function numbers(node: Node, name: string): readonly number[] {
  const attribute = node.attributes[name];
  if (attribute?.kind !== 'ints') throw new Error(`${node.opType} lacks the attribute ${name}`);
  return attribute.value;
}

function number(node: Node, name: string): number {
  const attribute = node.attributes[name];
  if (typeof attribute?.value !== 'number') throw new Error(`${node.opType} lacks the attribute ${name}`);
  return attribute.value;
}
