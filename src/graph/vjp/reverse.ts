import { type Attributes, type Dim, type Domain, type Graph, int, type Node, type Value } from '../graph.js';

/** The cotangent of elements [from, to) of one axis; it is zero elsewhere. */
export interface Part {
  readonly axis: number;
  readonly from: number;
  readonly to: number;
  readonly cotangent: Value;
}

/** What one use of a value adds to its cotangent. */
export type Contribution = Value | Part;

/**
 * What each input of a node receives for the cotangent `dy` of its (first) output. An input's pullback is called only where its
 * gradient is wanted; inputs without one (weights, axes, shapes) have no derivative here. A contribution may be larger than its
 * input, by broadcasting; it is then summed.
 */
export type Rule = (
  reverse: Reverse,
  node: Node,
  dy: Value,
  isActive: (input: Value) => boolean,
) => readonly ((() => Contribution) | undefined)[];

const isPart = (contribution: Contribution): contribution is Part => 'cotangent' in contribution;

interface Options {
  /** Of the result; those of the first input when left out. */
  readonly dims?: readonly Dim[];
  readonly attributes?: Attributes;
  readonly domain?: Domain;
}

/** The reverse pass under construction: cotangents collected so far, and short ways to append operators. */
export class Reverse {
  private readonly contributions = new Map<string, Contribution[]>();
  private readonly totals = new Map<string, Value>();
  private readonly made = new Map<string, Value>();

  constructor(
    readonly graph: Graph,
    readonly isWithoutLoops: boolean,
  ) {}

  add(value: Value, contribution: Contribution): void {
    const reduced = isPart(contribution) ? contribution : this.reduceTo(value.dims, contribution);
    const known = this.contributions.get(value.name);
    if (known) known.push(reduced);
    else this.contributions.set(value.name, [reduced]);
  }

  /** The sum of all contributions; undefined when there is none. */
  total(value: Value): Value | undefined {
    const contributions = this.contributions.get(value.name);
    if (!contributions) return undefined;
    const known = this.totals.get(value.name);
    if (known) return known;
    const parts = contributions.filter(isPart);
    const wholes = contributions.filter((each): each is Value => !isPart(each));
    const total = [...this.joined(value, parts), ...wholes].reduce((sum, each) => this.op('Add', [sum, each]));
    this.totals.set(value.name, total);
    return total;
  }

  op(opType: string, [first, ...others]: readonly [Value, ...Value[]], { dims, attributes, domain }: Options = {}): Value {
    return this.graph.op(opType, [first, ...others], { dims: dims ?? first.dims, attributes, domain });
  }

  mul(a: Value, b: Value): Value {
    return this.op('Mul', [a, b]);
  }

  /** `make()`, or what it gave the last time for this key. */
  once(key: string, make: () => Value): Value {
    const known = this.made.get(key);
    if (known) return known;
    const value = make();
    this.made.set(key, value);
    return value;
  }

  scalar(value: number): Value {
    return this.once(`scalar ${value}`, () => this.graph.scalar(value));
  }

  integers(...values: number[]): Value {
    return this.once(`integers ${values}`, () => this.graph.integers(...values));
  }

  /** The shape at run time of a value; values whose dimensions have the same names share it. */
  shape(value: Value): Value {
    return this.once(`shape ${value.dims}`, () => this.graph.op('Shape', [value], { dims: [value.dims.length], dtype: 'i64' }));
  }

  /** Gives `value` the shape of `like`. */
  reshape(value: Value, like: Value): Value {
    const unknown = like.dims.filter((dim) => typeof dim === 'string');
    const sameStart = like.dims[0] === value.dims[0];
    if (unknown.length - (sameStart && typeof like.dims[0] === 'string' ? 1 : 0) > 1) {
      return this.op('Reshape', [value, this.shape(like)], { dims: like.dims });
    }
    // 0 copies a dimension, -1 is what remains.
    const sizes = like.dims.map((dim, axis) => (typeof dim === 'number' ? dim : axis === 0 && sameStart ? 0 : -1));
    return this.op('Reshape', [value, this.integers(...sizes)], { dims: like.dims });
  }

  /** Undoes a broadcast: sums over leading axes that `dims` lacks and over those where it has length 1. */
  private reduceTo(dims: readonly Dim[], value: Value): Value {
    const lead = value.dims.length - dims.length;
    const isStretched = (axis: number) => axis >= lead && dims[axis - lead] === 1 && value.dims[axis] !== 1;
    const stretched = value.dims.map((_, axis) => axis).filter(isStretched);
    let sum = value;
    if (stretched.length > 0) sum = this.sum(sum, stretched, true);
    if (lead > 0)
      sum = this.sum(
        sum,
        Array.from({ length: lead }, (_, axis) => axis),
        false,
      );
    return sum;
  }

  sum(value: Value, axes: readonly number[], keep: boolean): Value {
    const dims = keep
      ? value.dims.map((dim, axis) => (axes.includes(axis) ? 1 : dim))
      : value.dims.filter((_, axis) => !axes.includes(axis));
    return this.op('ReduceSum', [value, this.integers(...axes)], { dims, attributes: { keepdims: int(keep ? 1 : 0) } });
  }

  /** Parts that together are the whole are joined; others are padded with zeros. */
  private joined(value: Value, parts: readonly Part[]): Value[] {
    if (parts.length === 0) return [];
    const sorted = [...parts].sort((a, b) => a.from - b.from);
    const { axis } = sorted[0]!;
    const ends = [0, ...sorted.map((part) => part.to)];
    const tiles = sorted.every((part, i) => part.axis === axis && part.from === ends[i]) && ends[sorted.length] === value.dims[axis];
    if (tiles) {
      const cotangents = sorted.map((part) => part.cotangent) as [Value, ...Value[]];
      return [
        cotangents.length === 1 ? cotangents[0] : this.op('Concat', cotangents, { dims: value.dims, attributes: { axis: int(axis) } }),
      ];
    }
    return sorted.map((part) => {
      const pads = this.integers(part.from, Number(value.dims[part.axis]) - part.to);
      const zero = this.scalar(0);
      return this.op('Pad', [part.cotangent, pads, zero, this.integers(part.axis)], { dims: value.dims });
    });
  }
}
