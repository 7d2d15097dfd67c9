import type { Dim, Value } from '../graph.js';
import { lengthOf } from '../lengths.js';

/** How large the values of a network are for inputs and outputs of given shapes. */
export class Sizes {
  private readonly lengths = new Map<string, number>();
  private readonly shapes = new Map<Value, readonly number[]>();

  /** @param known values whose dimensions have the names, such as `batch`, `height` and `width`, that those of others are made of */
  constructor(known: readonly (readonly [value: Value, shape: readonly number[]])[]) {
    for (const [{ dims }, shape] of known)
      for (const [axis, dim] of dims.entries()) if (typeof dim === 'string') this.lengths.set(dim, shape[axis]!);
  }

  shape(value: Value): readonly number[] {
    const known = this.shapes.get(value) ?? value.dims.map((dim) => this.length(dim));
    this.shapes.set(value, known);
    return known;
  }

  elements = (value: Value): number => this.shape(value).reduce((product, size) => product * size, 1);
  /** In float32. */
  bytes = (value: Value): number => 4 * this.elements(value);
  /** Of an image [N, C, H, W]. */
  height = (value: Value): number => this.shape(value)[2]!;

  private length(dim: Dim): number {
    if (typeof dim === 'number') return dim;
    const known = this.lengths.get(dim) ?? lengthOf(dim, this.lengths);
    this.lengths.set(dim, known);
    return known;
  }
}
