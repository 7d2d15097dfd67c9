import { LatinoError } from '../errors.js';
import { type Dim, float, type Graph, int, ints, type Value } from '../graph/graph.js';

const half = (dim: Dim): Dim => (typeof dim === 'number' ? Math.ceil(dim / 2) : dim.endsWith('*2') ? dim.slice(0, -2) : `${dim}/2`);
const double = (dim: Dim): Dim => (typeof dim === 'number' ? dim * 2 : dim.endsWith('/2') ? dim.slice(0, -2) : `${dim}*2`);
const last = (x: Value): number => Number(x.dims[x.dims.length - 1]);

/** @throws LatinoError ERR_LATINO_MODEL when the channels cannot be shared out evenly. */
function requireDivisor(what: string, count: number, channels: number): void {
  if (!(count >= 1) || channels % count !== 0)
    throw new LatinoError('ERR_LATINO_MODEL', `Expected a number of ${what} that divides ${channels} channels but received ${count}`);
}

export interface ConvOptions {
  readonly kernel?: 1 | 3;
  readonly stride?: 1 | 2;
  readonly bias?: boolean;
  /** Zeros on every side, (kernel - 1) / 2 of them, or one fewer above and on the left. */
  readonly padding?: 'same' | 'end';
}

/** A convolution: [N, in, h, w] to [N, out, h / stride, w / stride]. */
export function conv(g: Graph, x: Value, name: string, out: number, options: ConvOptions = {}): Value {
  const { kernel = 3, stride = 1, bias = true, padding = 'same' } = options;
  const [n, channels, h, w] = x.dims as [Dim, number, Dim, Dim];
  const after = (kernel - 1) / 2;
  const before = padding === 'same' ? after : after - 1;
  const inputs = [x, g.weight(`${name}.weight`, [out, channels, kernel, kernel])];
  if (bias) inputs.push(g.weight(`${name}.bias`, [out]));
  return g.op('Conv', inputs, {
    dims: stride === 2 ? [n, out, half(h), half(w)] : [n, out, h, w],
    attributes: { kernel_shape: ints([kernel, kernel]), strides: ints([stride, stride]), pads: ints([before, before, after, after]) },
  });
}

/** x weight^T + bias over the last axis. */
export function linear(g: Graph, x: Value, name: string, out: number, { bias = true } = {}): Value {
  const inputs = [x, g.weight(`${name}.weight`, [out, last(x)])];
  if (bias) inputs.push(g.weight(`${name}.bias`, [out]));
  return g.op('Linear', inputs, { domain: 'latino', dims: [...x.dims.slice(0, -1), out] });
}

export function groupNorm(g: Graph, x: Value, name: string, groups: number, epsilon: number): Value {
  const channels = Number(x.dims[1]);
  requireDivisor(`normalisation groups of ${name}`, groups, channels);
  const inputs = [x, g.weight(`${name}.weight`, [channels]), g.weight(`${name}.bias`, [channels])];
  const attributes = { num_groups: int(groups), epsilon: float(epsilon) };
  return g.op('GroupNormalization', inputs, { domain: 'latino', dims: x.dims, attributes });
}

export function layerNorm(g: Graph, x: Value, name: string, epsilon: number): Value {
  const inputs = [x, g.weight(`${name}.weight`, [last(x)]), g.weight(`${name}.bias`, [last(x)])];
  return g.op('LayerNormalization', inputs, { dims: x.dims, attributes: { axis: int(-1), epsilon: float(epsilon) } });
}

/** softmax(query key^T / sqrt(size)) value, head by head; [N, S, C] each. */
export function attention(g: Graph, query: Value, key: Value, value: Value, heads: number, { causal = false } = {}): Value {
  requireDivisor('attention heads', heads, last(query));
  const attributes = { num_heads: int(heads), causal: int(causal ? 1 : 0) };
  return g.op('Attention', [query, key, value], { domain: 'latino', dims: query.dims, attributes });
}

export type Activation = 'silu' | 'gelu' | 'quick_gelu' | 'relu';

export function activation(g: Graph, x: Value, kind: Activation): Value {
  if (kind === 'relu') return g.op('Relu', [x], { dims: x.dims });
  const opType = { silu: 'Silu', gelu: 'Gelu', quick_gelu: 'QuickGelu' }[kind];
  return g.op(opType, [x], { domain: 'latino', dims: x.dims });
}

export const silu = (g: Graph, x: Value): Value => activation(g, x, 'silu');

/** value * gelu(gate), where one linear layer gives (value, gate). */
export function geglu(g: Graph, x: Value, name: string, out: number): Value {
  const both = linear(g, x, name, 2 * out);
  const value = slice(g, both, 0, out);
  const gate = slice(g, both, out, 2 * out);
  return multiply(g, value, activation(g, gate, 'gelu'));
}

/** Elements [from, to) of an axis, the last unless told otherwise. */
export function slice(g: Graph, x: Value, from: number, to: number, axis = -1): Value {
  const inputs = [x, g.integers(from), g.integers(to), g.integers(axis)];
  return g.op('Slice', inputs, { dims: x.dims.with(axis, to - from) });
}

export function upsample2x(g: Graph, x: Value): Value {
  const [n, channels, h, w] = x.dims as [Dim, Dim, Dim, Dim];
  return g.op('Upsample2x', [x], { domain: 'latino', dims: [n, channels, double(h), double(w)] });
}

/** The second may have fewer axes or axes of length 1. */
export const add = (g: Graph, a: Value, b: Value): Value => g.op('Add', [a, b], { dims: a.dims });
export const multiply = (g: Graph, a: Value, b: Value): Value => g.op('Mul', [a, b], { dims: a.dims });
export const scale = (g: Graph, x: Value, factor: number): Value => (factor === 1 ? x : multiply(g, x, g.scalar(factor)));
export const shift = (g: Graph, x: Value, offset: number): Value => add(g, x, g.scalar(offset));
export const clip = (g: Graph, x: Value, low: number, high: number): Value =>
  g.op('Clip', [x, g.scalar(low), g.scalar(high)], { dims: x.dims });

/** Joins along the given axis, whose length must be fixed. */
export function concat(g: Graph, values: readonly Value[], axis: number): Value {
  const dims = [...values[0]!.dims];
  dims[axis] = values.reduce((sum, value) => sum + Number(value.dims[axis]), 0);
  return g.op('Concat', values, { dims, attributes: { axis: int(axis) } });
}

/** [N, C, h, w] to [N, h w, C]. */
export function toTokens(g: Graph, x: Value): Value {
  const [n, channels, h, w] = x.dims as [Dim, number, Dim, Dim];
  const pixels = `${h}.${w}`;
  const flat = g.op('Reshape', [x, g.integers(0, channels, -1)], { dims: [n, channels, pixels] });
  return g.op('Transpose', [flat], { dims: [n, pixels, channels], attributes: { perm: ints([0, 2, 1]) } });
}

/** [N, h w, C] to [N, C, h, w], the shape of `image`. */
export function toImage(g: Graph, tokens: Value, image: Value): Value {
  const [n, pixels, channels] = tokens.dims as [Dim, Dim, number];
  const flat = g.op('Transpose', [tokens], { dims: [n, channels, pixels], attributes: { perm: ints([0, 2, 1]) } });
  // The whole shape as it is: what is computed from one, ONNX Runtime's CUDA provider leaves to the CPU.
  const shape = g.op('Shape', [image], { dims: [4], dtype: 'i64' });
  return g.op('Reshape', [flat, shape], { dims: image.dims });
}

/** [N, C] to [N, C, 1, 1]. */
export function perChannel(g: Graph, x: Value): Value {
  return g.op('Unsqueeze', [x, g.integers(2, 3)], { dims: [...x.dims, 1, 1] });
}

/**
 * Sines and cosines of float32 times [M], as the library computes them: [M, size], cosines first when `flip`.
 * Frequencies are 10000^(-i / (size / 2 - freqShift)).
 */
export function sinusoid(g: Graph, times: Value, size: number, { flip, freqShift }: { flip: boolean; freqShift: number }): Value {
  const count = size / 2;
  const step = Math.fround(-Math.log(10000));
  const frequencies = Float32Array.from({ length: count }, (_, i) => Math.exp(Math.fround(Math.fround(step * i) / (count - freqShift))));
  const column = g.op('Unsqueeze', [times, g.integers(1)], { dims: [...times.dims, 1] });
  const angles = g.op('Mul', [column, g.constant(frequencies, [1, count])], { dims: [...times.dims, count] });
  const sines = g.op('Sin', [angles], { dims: angles.dims });
  const cosines = g.op('Cos', [angles], { dims: angles.dims });
  return concat(g, flip ? [cosines, sines] : [sines, cosines], 1);
}
