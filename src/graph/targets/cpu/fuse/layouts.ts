import { int, type Node, type Value } from '../../../graph.js';
import { isLayer, readBy, TOKENS } from './chain.js';

/** Channels that lie side by side fill whole cache lines. */
const CHANNELS_PER_LINE = 16;
const X = 0;
const RESIDUAL = 2;

/**
 * What passes between 3 x 3 convolutions only has its channels side by side, [N, h, w, C]: that is how the layer works, and so nothing has
 * to be transposed on the way.
 */
export function layOutChannels(nodes: readonly Node[], outputs: readonly Value[]): Node[] {
  const convolutions = nodes.filter(isConvolution);
  const together = new Set(
    convolutions
      .map(resultOf)
      .filter(fillsLines)
      .map(({ name }) => name),
  );
  for (const { name } of outputs) together.delete(name);
  for (const node of nodes) {
    for (const name of readBy(node)) {
      const places = node.inputs.flatMap((input, place) => (input.name === name ? [place] : []));
      if (!isConvolution(node) || !places.every((place) => place === X || place === RESIDUAL)) together.delete(name);
    }
  }
  // A residual lies as the result does.
  const isTorn = ({ inputs, outputs: [result] }: Node) =>
    inputs[RESIDUAL]!.name !== '' && together.has(inputs[RESIDUAL]!.name) !== together.has(result!.name);
  for (let torn = convolutions.find(isTorn); torn; torn = convolutions.find(isTorn)) {
    together.delete(torn.inputs[RESIDUAL]!.name);
    together.delete(resultOf(torn).name);
  }
  return nodes.map((node) => {
    if (!isConvolution(node)) return node;
    const attributes = { ...node.attributes };
    if (together.has(node.inputs[X]!.name)) attributes.from = int(TOKENS);
    if (together.has(resultOf(node).name)) attributes.to = int(TOKENS);
    return { ...node, attributes };
  });
}

const isConvolution = (node: Node): boolean => isLayer(node, 'Conv3x3');
const resultOf = ({ outputs }: Node): Value => outputs[0]!;
const fillsLines = ({ dims: [, channels] }: Value): boolean => typeof channels === 'number' && channels % CHANNELS_PER_LINE === 0;
