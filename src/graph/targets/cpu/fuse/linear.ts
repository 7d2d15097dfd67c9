import { ABSENT, float, type Graph, int, type Node, text, type Value } from '../../../graph.js';
import { activationOf, type Chain, IMAGE, isAdd, isConvolution, otherTerm, TOKENS } from './chain.js';

/**
 * A linear layer on tokens, or a 1 x 1 convolution, which is one on the pixels of an image; or the transpose of either. The layer reads
 * and writes tokens and images alike, so what turns the one into the other vanishes.
 */
export function fuseLinear(chain: Chain, node: Node): Node | undefined {
  const [, weight, bias] = node.inputs as [Value, Value, Value?];
  const isPixelwise = isConvolution(node, 1);
  const isLinear = isPixelwise || node.opType === 'Linear' || (node.opType === 'MatMul' && weight.dims.length === 2);
  const { weights } = chain.links.graph;
  if (!isLinear || !weights.has(weight.name) || (bias && !weights.has(bias.name))) return undefined;

  let [from, to] = isPixelwise ? [IMAGE, IMAGE] : [TOKENS, TOKENS];
  const before = from === IMAGE ? chain.before(isTransposition, isUnflattening) : chain.before(isFlattening, isTransposition);
  const after = to === IMAGE ? chain.after(isFlattening, isTransposition) : chain.after(isTransposition, isUnflattening, isAdd);
  const [, unflattened, sum] = after ?? [];
  let residual = to === TOKENS && unflattened && sum ? otherTerm(sum, unflattened.outputs[0]!) : undefined;
  let gate: number | undefined;
  if (after && (to === IMAGE || residual)) {
    chain.parts.push(...after);
    to = to === IMAGE ? TOKENS : IMAGE;
  } else if (to === TOKENS) {
    gate = absorbGate(chain);
  }
  residual ??= chain.absorbResidual();
  // Tokens do not tell the height and width of their image, a residual does.
  if (before && !(from === IMAGE && to === IMAGE && !residual)) {
    chain.parts.unshift(...before);
    from = from === IMAGE ? TOKENS : IMAGE;
  }
  const attributes = {
    weight: text(weight.name),
    bias: text(bias?.name ?? ''),
    epsilon: float(0),
    from: int(from),
    to: int(to),
    activation: int(gate ?? chain.absorbActivation()),
    gated: int(gate === undefined ? 0 : 1),
    transposed: int(node.opType === 'Linear' || node.opType === 'Conv' ? 0 : 1),
  };
  return chain.replacedBy('Linear', [chain.input, residual ?? ABSENT], attributes);
}

const isTransposition = ({ opType, attributes }: Node): boolean =>
  opType === 'Transpose' && attributes.perm?.kind === 'ints' && attributes.perm.value.join() === '0,2,1';

/** [N, C, h, w] to [N, C, h w] */
const isFlattening = (node: Node): boolean => keepsChannels(node, 4, 3);
/** [N, C, h w] to [N, C, h, w] */
const isUnflattening = (node: Node): boolean => keepsChannels(node, 3, 4);

function keepsChannels({ opType, inputs, outputs }: Node, rankBefore: number, rankAfter: number): boolean {
  const [from, to] = [inputs[0]?.dims ?? [], outputs[0]!.dims];
  return opType === 'Reshape' && from.length === rankBefore && to.length === rankAfter && from[0] === to[0] && from[1] === to[1];
}

/** Takes in value * activation(gate), where the layer gives (value, gate); returns the activation's number. */
function absorbGate(chain: Chain): number | undefined {
  const { links, output } = chain;
  const size = Number(output.dims[output.dims.length - 1]) / 2;
  const halves = links.consumersOf(output);
  const value = halves.find((node) => isSlice(links.graph, node, 0, size));
  const gate = halves.find((node) => isSlice(links.graph, node, size, 2 * size));
  if (halves.length !== 2 || !value || !gate) return undefined;
  const activation = links.soleConsumer(gate);
  const product = activation && links.soleConsumer(activation);
  const kind = activation && activationOf(activation);
  if (!kind || product?.opType !== 'Mul' || links.soleConsumer(value) !== product) return undefined;
  chain.parts.push(value, gate, activation, product);
  return kind;
}

function isSlice(graph: Graph, { opType, inputs }: Node, from: number, to: number): boolean {
  const bounds = inputs.slice(1).map((input) => graph.constants.get(input.name)?.data.join());
  return opType === 'Slice' && bounds.join() === `${from},${to},-1`;
}
