import type { Dim } from './graph.js';

/** The lengths of the dimensions that a network's inputs name. */
export type Lengths = ReadonlyMap<string, number>;

/** Of a number, a name, a name halved (rounded up) or doubled, as in `height/2`, or a product of such, as in `height/2.width/2`. */
export function lengthOf(dim: Dim, lengths: Lengths): number {
  if (typeof dim === 'number') return dim;
  if (dim.includes('.')) return dim.split('.').reduce((product, factor) => product * lengthOf(factor, lengths), 1);
  const [, name, changes] = /^(.+?)((?:[*/]\d+)*)$/.exec(dim)!;
  const length = /^\d+$/.test(name!) ? Number(name) : lengths.get(name!);
  if (length === undefined) throw new Error(`Expected a dimension that an input names but received ${dim}`);
  return [...changes!.matchAll(/([*/])(\d+)/g)].reduce(
    (current, [, sign, factor]) => (sign === '*' ? current * Number(factor) : Math.ceil(current / Number(factor))),
    length,
  );
}
