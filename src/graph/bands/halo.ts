import type { Node, Value } from '../graph.js';
import type { Section } from './sections.js';
import type { Sizes } from './sizes.js';

/**
 * Rows of the coarsest image in a section whose halvings and doublings of images of these sizes are even. A band begins and ends between two of
 * them, and so between two rows of every image.
 */
export const coarseRowsOf = (section: Section, sizes: Sizes): number => Math.min(...imagesOf(section).map(sizes.height));

/** How many of so many coarse rows are needed above and below a band to compute it. */
export function marginOf(section: Section, coarseRows: number, sizes: Sizes): number {
  /** Rows of each value beside the band. */
  const needed = new Map([[section.to.name, 0]]);
  for (const node of [...section.nodes].reverse()) {
    const rows = rowsRead(node, needed.get(node.outputs[0]!.name) ?? 0);
    for (const { name } of node.inputs) needed.set(name, Math.max(needed.get(name) ?? 0, rows));
  }
  return Math.max(...imagesOf(section).map((value) => Math.ceil(((needed.get(value.name) ?? 0) * coarseRows) / sizes.height(value))));
}

const imagesOf = ({ from, nodes }: Section): Value[] => [from, ...nodes.flatMap(({ outputs }) => outputs)];

/** Rows beside a band of its input that a node reads for `rows` rows beside the band of its result. */
function rowsRead({ opType, attributes }: Node, rows: number): number {
  if (opType === 'Upsample2x') return Math.ceil(rows / 2);
  if (opType !== 'Conv') return rows;
  const [kernel, strides] = [attributes.kernel_shape!.value as number[], attributes.strides!.value as number[]];
  return rows * strides[0]! + (kernel[0]! - 1) / 2;
}
