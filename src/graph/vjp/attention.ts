import { LatinoError } from '../../errors.js';
import { ABSENT, type Attributes, type Dim, float, type Graph, int, ints, subgraph, type Value } from '../graph.js';
import type { Reverse, Rule } from './reverse.js';

/** Elements of a chunk of the matrix of probabilities, over all heads: 4 MB, which a core's cache holds. At most three such chunks are alive. */
const CHUNK = 2 ** 20;
/** Fewer queries at a time would spend more on adding up the gradients of keys and values than on the products. */
const FEWEST_QUERIES = 128;

type Part = 'query' | 'key' | 'value';

/** What the reverse pass works on, head by head. */
interface Heads {
  /** [N, heads, S, size] */
  readonly query: Value;
  /** [N, heads, T, size] */
  readonly key: Value;
  readonly value: Value;
  /** dO [N, heads, S, size] */
  readonly dy: Value;
  /** rowsum(dO O) [N, heads, S, 1], which is rowsum(dP P) without a matrix as large as P; only for query and key. */
  readonly along?: Value;
}

/**
 * With P = softmax(s Q K^T), O = P V and dP = dO V^T, head by head:
 * dV = P^T dO, dS = P (dP - rowsum(dO O)), dQ = s dS K, dK = s dS^T Q.
 * P is computed anew. Where the tokens attend to themselves it is so for a few queries at a time, so that memory does not grow
 * with the square of their number (as in Dao et al., FlashAttention, 2022), unless loops are to be avoided.
 */
export const attention: Rule = (r, node, dy, isActive) => {
  const [query, key, value] = node.inputs as [Value, Value, Value];
  if (node.attributes.causal?.value === 1) throw new LatinoError('ERR_LATINO_MODEL', 'Causal attention has no rule of differentiation');
  const heads = Number(node.attributes.num_heads?.value);
  const inputs = { query, key, value };
  const wanted = (['value', 'key', 'query'] as const).filter((part) => isActive(inputs[part]));
  let gradients: Partial<Record<Part, Value>> | undefined;
  const gradient = (part: Part) => () => {
    gradients ??= attentionGradients(r, inputs, node.outputs[0]!, dy, heads, wanted);
    return gradients[part]!;
  };
  return [gradient('query'), gradient('key'), gradient('value')];
};

function attentionGradients(
  r: Reverse,
  inputs: Record<Part, Value>,
  output: Value,
  dy: Value,
  heads: number,
  wanted: readonly Part[],
): Partial<Record<Part, Value>> {
  const split: Heads = {
    query: splitHeads(r, inputs.query, heads),
    key: splitHeads(r, inputs.key, heads),
    value: splitHeads(r, inputs.value, heads),
    dy: splitHeads(r, dy, heads),
    ...(wanted.some((part) => part !== 'value') && { along: splitHeads(r, r.mul(dy, output), heads, true) }),
  };
  const isSquare = inputs.query.dims[1] === inputs.key.dims[1];
  const gradients = isSquare && !r.isWithoutLoops ? inChunks(r, split, wanted) : ofQueries(r.graph, split, wanted);
  return Object.fromEntries(wanted.map((part) => [part, joinHeads(r, gradients[part]!, inputs[part])]));
}

/** What these queries contribute to the wanted gradients. */
function ofQueries(g: Graph, { query, key, value, dy, along }: Heads, wanted: readonly Part[]): Partial<Record<Part, Value>> {
  const scale = { alpha: float(1 / Math.sqrt(Number(query.dims[3]))) };
  const scores = product(g, query, key, { transB: int(1), ...scale });
  const probabilities = g.op('Softmax', [scores], { dims: scores.dims, attributes: { axis: int(-1) } });
  const gradients: Partial<Record<Part, Value>> = {};
  if (wanted.includes('value')) gradients.value = product(g, probabilities, dy, { transA: int(1) });
  if (!along) return gradients;
  const centred = g.op('Sub', [product(g, dy, value, { transB: int(1) }), along], { dims: scores.dims });
  const dScores = g.op('Mul', [probabilities, centred], { dims: scores.dims });
  if (wanted.includes('key')) gradients.key = product(g, dScores, query, { transA: int(1), ...scale });
  if (wanted.includes('query')) gradients.query = product(g, dScores, key, scale);
  return gradients;
}

/** A loop over chunks of queries that adds up the gradients of keys and values and lines up those of queries. */
function inChunks(r: Reverse, whole: Heads, wanted: readonly Part[]): Partial<Record<Part, Value>> {
  const { rows, trips } = chunks(r, whole.query, whole.key);
  const body = r.graph.body('attention_chunk');
  const named = (name: string) => `${whole.dy.name}_${name}`;
  const step = body.input(named('step'), 'i64', []);
  const isRunning = body.input(named('running'), 'bool', []);
  body.output(named('continue'), isRunning);
  const start = body.op('Mul', [step, rows], { dims: [1], dtype: 'i64' });
  const end = body.op('Add', [start, rows], { dims: [1], dtype: 'i64' });
  const chunkOf = (x: Value) => body.op('Slice', [x, start, end, r.integers(2)], { dims: withRows(x, named('rows')) });
  const parts = {
    ...whole,
    query: chunkOf(whole.query),
    dy: chunkOf(whole.dy),
    ...(whole.along && { along: chunkOf(whole.along) }),
  };
  const contributions = ofQueries(body, parts, wanted);

  const initial = wanted.map((part) => {
    const contribution = contributions[part]!;
    if (part === 'query') {
      const before = body.input(named(part), 'f32', withRows(whole.query, named('before')));
      const attributes = { axis: int(2) };
      body.output(named('next query'), body.op('Concat', [before, contribution], { dims: withRows(before, named('after')), attributes }));
      return r.op('Slice', [whole.query, r.integers(0), r.integers(0), r.integers(2)], { dims: withRows(whole.query, 0) });
    }
    const before = body.input(named(part), 'f32', whole[part].dims);
    body.output(named(`next ${part}`), body.op('Add', [before, contribution], { dims: before.dims }));
    return zerosLike(r, whole[part]);
  });
  const results = r.graph.ops(
    'Loop',
    [trips, ABSENT, ...initial],
    wanted.map((part) => ({ dims: whole[part].dims })),
    { body: subgraph(body) },
  );
  return Object.fromEntries(wanted.map((part, index) => [part, results[index]!]));
}

/** Queries per chunk and number of chunks, [1] each. */
function chunks(r: Reverse, query: Value, key: Value): { rows: Value; trips: Value } {
  const name = `${query.dims} ${key.dims}`;
  const op = (opType: string, ...inputs: Value[]) => r.graph.op(opType, inputs, { dims: [1], dtype: 'i64' });
  const size = (value: Value, axis: number) => op('Slice', r.shape(value), r.integers(axis), r.integers(axis + 1));
  const rows = r.once(`rows ${name}`, () => {
    const perQuery = op('Mul', op('Mul', size(key, 0), size(key, 1)), size(key, 2));
    return op('Max', op('Div', r.integers(CHUNK), perQuery), r.integers(FEWEST_QUERIES));
  });
  const trips = r.once(`trips ${name}`, () => op('Div', op('Sub', op('Add', size(query, 2), rows), r.integers(1)), rows));
  return { rows, trips };
}

const zerosLike = (r: Reverse, x: Value): Value =>
  r.once(`zeros ${x.dims}`, () => r.graph.op('Expand', [r.scalar(0), r.shape(x)], { dims: x.dims }));

const withRows = ({ dims: [n, heads, , size] }: Value, rows: Dim): Dim[] => [n!, heads!, rows, size!];

/** Matrix product of the last two axes. */
function product(g: Graph, a: Value, b: Value, attributes: Attributes): Value {
  const dims = [...a.dims.slice(0, 2), a.dims[attributes.transA ? 3 : 2]!, b.dims[attributes.transB ? 2 : 3]!];
  return g.op('FusedMatMul', [a, b], { domain: 'com.microsoft', dims, attributes });
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
