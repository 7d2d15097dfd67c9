import { LatinoError } from '../../errors.js';
import { ABSENT, type Attributes, type Dim, float, type Graph, int, ints, subgraph, type Value } from '../graph.js';
import type { Reverse } from './reverse.js';
import type { Rule } from './rules.js';

/** Elements of a chunk of the matrix of probabilities, over all heads: 16 MB. At most three such chunks are alive. */
const CHUNK = 2 ** 22;

/**
 * With P = softmax(s Q K^T), O = P V and dP = dO V^T, head by head:
 * dV = P^T dO, dS = P (dP - rowsum(dO O)), dQ = s dS K, dK = s dS^T Q.
 * P is computed anew for a few queries at a time (Dao et al., FlashAttention, 2022, without the tiles), so memory does not grow with the square of the tokens.
 */
export const attention: Rule = (r, node, dy, isActive) => {
  const [query, key, value] = node.inputs as [Value, Value, Value];
  if (node.attributes.causal?.value === 1) throw new LatinoError('ERR_LATINO_MODEL', 'Causal attention has no rule of differentiation');
  let gradients: Gradients | undefined;
  const all = () => {
    gradients ??= attentionGradients(
      r,
      { query, key, value, output: node.outputs[0]!, dy, heads: Number(node.attributes.num_heads?.value) },
      isActive,
    );
    return gradients;
  };
  return [() => all().query!, () => all().key!, () => all().value!];
};

type Gradients = Partial<Record<'query' | 'key' | 'value', Value>>;

interface Forward {
  readonly query: Value;
  readonly key: Value;
  readonly value: Value;
  readonly output: Value;
  readonly dy: Value;
  readonly heads: number;
}

function attentionGradients(r: Reverse, { query, key, value, output, dy, heads }: Forward, isActive: (input: Value) => boolean): Gradients {
  const wantsScores = isActive(query) || isActive(key);
  const q = splitHeads(r, query, heads);
  const k = splitHeads(r, key, heads);
  const v = splitHeads(r, value, heads);
  const dO = splitHeads(r, dy, heads);
  const along = wantsScores ? splitHeads(r, r.mul(dy, output), heads, true) : undefined;
  const { rows, trips } = chunks(r, q, k);

  const body = r.graph.body('attention_chunk');
  const step = body.input(`${dO.name}_step`, 'i64', []);
  const isRunning = body.input(`${dO.name}_running`, 'bool', []);
  const start = body.op('Mul', [step, rows], { dims: [1], dtype: 'i64' });
  const end = body.op('Add', [start, rows], { dims: [1], dtype: 'i64' });
  const chunkOf = (x: Value) => body.op('Slice', [x, start, end, r.integers(2)], { dims: [x.dims[0]!, heads, 'rows', x.dims[3]!] });
  body.output(`${dO.name}_continue`, isRunning);

  const scale = 1 / Math.sqrt(Number(q.dims[3]));
  const qPart = chunkOf(q);
  const dPart = chunkOf(dO);
  const scores = product(body, qPart, k, { transB: int(1), alpha: float(scale) });
  const probabilities = body.op('Softmax', [scores], { dims: scores.dims, attributes: { axis: int(-1) } });
  const initial: Value[] = [];
  /** Declares a loop variable. */
  const carry = (name: keyof Gradients, like: Value, first: Value, next: (before: Value) => Value) => {
    const before = body.input(`${dO.name}_${name}`, 'f32', like.dims);
    initial.push(first);
    body.output(`${before.name}_next`, next(before));
  };
  const results: (keyof Gradients)[] = [];
  if (isActive(value)) {
    results.push('value');
    const part = product(body, probabilities, dPart, { transA: int(1) });
    carry('value', v, zerosLike(r, v), (sum) => body.op('Add', [sum, part], { dims: v.dims }));
  }
  if (wantsScores) {
    const dP = product(body, dPart, v, { transB: int(1) });
    const centred = body.op('Sub', [dP, chunkOf(along!)], { dims: dP.dims });
    const dS = body.op('Mul', [probabilities, centred], { dims: dP.dims });
    if (isActive(key)) {
      results.push('key');
      const part = product(body, dS, qPart, { transA: int(1), alpha: float(scale) });
      carry('key', k, zerosLike(r, k), (sum) => body.op('Add', [sum, part], { dims: k.dims }));
    }
    if (isActive(query)) {
      results.push('query');
      const part = product(body, dS, k, { alpha: float(scale) });
      const none = r.op('Slice', [q, r.integers(0), r.integers(0), r.integers(2)], { dims: [q.dims[0]!, heads, 0, q.dims[3]!] });
      const growing: Value = { ...q, dims: [q.dims[0]!, heads, `${dO.name}_rows`, q.dims[3]!] };
      carry('query', growing, none, (rowsBefore) =>
        body.op('Concat', [rowsBefore, part], { dims: [q.dims[0]!, heads, `${dO.name}_more`, q.dims[3]!], attributes: { axis: int(2) } }),
      );
    }
  }
  const like = { query: q, key: k, value: v };
  const outputs = results.map((name) => ({ dims: like[name].dims }));
  const final = r.graph.ops('Loop', [trips, ABSENT, ...initial], outputs, { body: subgraph(body) });
  const inputs = { query, key, value };
  return Object.fromEntries(results.map((name, index) => [name, joinHeads(r, final[index]!, inputs[name])]));
}

/** Queries per chunk and number of chunks, [1] each. */
function chunks(r: Reverse, q: Value, k: Value): { rows: Value; trips: Value } {
  const key = `${q.dims} ${k.dims}`;
  const op = (opType: string, ...inputs: Value[]) => r.graph.op(opType, inputs, { dims: [1], dtype: 'i64' });
  const sizes = (value: Value, from: number, to: number) => op('Slice', r.shape(value), r.integers(from), r.integers(to));
  const rows = r.once(`rows ${key}`, () => {
    const perQuery = op('Mul', op('Mul', sizes(k, 0, 1), sizes(k, 1, 2)), sizes(k, 2, 3));
    return op('Max', op('Div', r.integers(CHUNK), perQuery), r.integers(1));
  });
  const trips = r.once(`trips ${key}`, () => op('Div', op('Sub', op('Add', sizes(q, 2, 3), rows), r.integers(1)), rows));
  return { rows, trips };
}

const zerosLike = (r: Reverse, x: Value): Value =>
  r.once(`zeros ${x.dims}`, () => r.graph.op('ConstantOfShape', [r.shape(x)], { dims: x.dims }));

/** Matrix product of the last two axes. */
function product(graph: Graph, a: Value, b: Value, attributes: Attributes): Value {
  const dims = [...a.dims.slice(0, 2), a.dims[attributes.transA ? 3 : 2]!, b.dims[attributes.transB ? 2 : 3]!];
  return graph.op('FusedMatMul', [a, b], { domain: 'com.microsoft', dims, attributes });
}

/** [N, S, heads * size] to [N, heads, S, size], or to sums over size [N, heads, S, 1]. */
function splitHeads(r: Reverse, x: Value, heads: number, isSummed = false): Value {
  const [n, tokens, channels] = x.dims as [Dim, Dim, number];
  const size = channels / heads;
  let split = r.op('Reshape', [x, r.integers(0, 0, heads, size)], { dims: [n, tokens, heads, size] });
  if (isSummed) split = r.sum(split, [3], true);
  return r.op('Transpose', [split], { dims: [n, heads, tokens, split.dims[3]!], attributes: { perm: ints([0, 2, 1, 3]) } });
}

/** [N, heads, S, size] to [N, S, heads * size]. */
function joinHeads(r: Reverse, x: Value, like: Value): Value {
  const [n, heads, tokens, size] = x.dims as [Dim, number, Dim, number];
  const rows = r.op('Transpose', [x], { dims: [n, tokens, heads, size], attributes: { perm: ints([0, 2, 1, 3]) } });
  return r.op('Reshape', [rows, r.integers(0, 0, heads * size)], { dims: like.dims });
}
