import type { WeightInfo, WeightStore } from './weights.js';

/** Networks are written in f32; `inHalfPrecision` makes f16 of it. */
export type ValueType = 'f32' | 'f16' | 'i64' | 'bool';
/** A string names a dimension that is known only when the network runs; equal names mean equal lengths. */
export type Dim = number | string;
export type Attribute =
  | { readonly kind: 'int' | 'float'; readonly value: number }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'graph'; readonly value: Graph };
export type Attributes = Readonly<Record<string, Attribute>>;

export const int = (value: number): Attribute => ({ kind: 'int', value });
export const float = (value: number): Attribute => ({ kind: 'float', value });
export const ints = (value: readonly number[]): Attribute => ({ kind: 'ints', value });
export const text = (value: string): Attribute => ({ kind: 'string', value });
export const subgraph = (value: Graph): Attribute => ({ kind: 'graph', value });

/** What a node computes, an input, a weight or a constant. */
export interface Value {
  readonly name: string;
  readonly dtype: ValueType;
  readonly dims: readonly Dim[];
}

/** Dimensions of the groups that a group normalisation makes of the channels of an image [N, C, ...]: [N, G, C/G ...]. */
export function groupDims({ dims: [batch, channels, ...space] }: Value, groups: number): Dim[] {
  return [batch!, groups, `${Number(channels) / groups}.${space.join('.')}`];
}

/** Domain '' is ONNX, 'com.microsoft' ONNX Runtime, 'latino.cpu' the native core's layers, 'latino' an operator that each target replaces. */
export type Domain = '' | 'com.microsoft' | 'latino' | 'latino.cpu';

/** What the result of a part of a graph is called. */
export const PART_OUTPUT = 'part';

/** ONNX writes an optional input that is left out as the empty name. */
export const ABSENT: Value = { name: '', dtype: 'f32', dims: [] };

export interface Node {
  readonly opType: string;
  readonly domain: Domain;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly attributes: Attributes;
}

export interface Constant {
  readonly value: Value;
  readonly data: Float32Array | BigInt64Array;
}

export interface Weight {
  readonly value: Value;
  readonly info: WeightInfo;
}

export interface OpOptions {
  readonly dims: readonly Dim[];
  readonly dtype?: ValueType;
  readonly domain?: Domain;
  readonly attributes?: Attributes;
  /** Name of the output; made up when left out. */
  readonly name?: string;
}

/** A network in memory. Nodes are in topological order: each uses only values made before it. */
export class Graph {
  readonly nodes: Node[] = [];
  readonly inputs: Value[] = [];
  readonly outputs: Value[] = [];
  readonly weights: Map<string, Weight>;
  /** Weights that layers of the native core read themselves. */
  readonly layerWeights = new Map<string, Weight>();
  readonly constants: Map<string, Constant>;
  private readonly names: Set<string>;

  constructor(
    readonly name: string,
    private readonly store: WeightStore,
    enclosing?: Graph,
  ) {
    this.weights = enclosing?.weights ?? new Map();
    this.constants = enclosing?.constants ?? new Map();
    this.names = enclosing?.names ?? new Set();
  }

  /** The body of a Loop of this graph. It sees this graph's values; its weights and constants become this graph's. */
  body(name: string): Graph {
    return new Graph(name, this.store, this);
  }

  input(name: string, dtype: ValueType, dims: readonly Dim[]): Value {
    const value = this.value(name, dtype, dims);
    this.inputs.push(value);
    return value;
  }

  /** Makes `value` an output of the network under this name. */
  output(name: string, value: Value): Value {
    const output = this.op('Identity', [value], { dims: value.dims, dtype: value.dtype, name });
    this.outputs.push(output);
    return output;
  }

  hasWeight(name: string): boolean {
    return this.store.has(name);
  }

  /** The weight of this name, always float32 for the network. Throws ERR_LATINO_MODEL when it is missing or of another shape. */
  weight(name: string, shape: readonly number[]): Value {
    const known = this.weights.get(name);
    if (known) return known.value;
    const info = this.store.get(name, shape);
    const value = this.value(name, 'f32', shape);
    this.weights.set(name, { value, info });
    return value;
  }

  constant(data: Float32Array | BigInt64Array | readonly number[], dims?: readonly number[]): Value {
    const typed = data instanceof Float32Array || data instanceof BigInt64Array ? data : Float32Array.from(data);
    const dtype = typed instanceof Float32Array ? 'f32' : 'i64';
    const value = this.value(this.freshName('constant'), dtype, dims ?? [typed.length]);
    this.constants.set(value.name, { value, data: typed });
    return value;
  }

  scalar(value: number): Value {
    return this.constant([value], []);
  }

  integers(...values: number[]): Value {
    return this.constant(BigInt64Array.from(values, BigInt));
  }

  op(opType: string, inputs: readonly Value[], options: OpOptions): Value {
    const output = this.value(options.name ?? this.freshName(opType), options.dtype ?? 'f32', options.dims);
    this.append({ opType, domain: options.domain ?? '', inputs, outputs: [output], attributes: options.attributes ?? {} });
    return output;
  }

  /** As `op`, for an operator with several outputs. */
  ops(
    opType: string,
    inputs: readonly Value[],
    outputs: readonly Omit<OpOptions, 'domain' | 'attributes'>[],
    attributes: Attributes,
  ): Value[] {
    const values = outputs.map(({ name, dtype, dims }) => this.value(name ?? this.freshName(opType), dtype ?? 'f32', dims));
    this.append({ opType, domain: '', inputs, outputs: values, attributes });
    return values;
  }

  append(node: Node): void {
    this.nodes.push(node);
  }

  /** Makes a node give the further results that its operator has, with these dimensions. */
  extend(node: Node, dims: readonly (readonly Dim[])[]): Value[] {
    const added = dims.map((each) => this.value(this.freshName(node.opType), 'f32', each));
    this.nodes[this.nodes.indexOf(node)] = { ...node, outputs: [...node.outputs, ...added] };
    return added;
  }

  /**
   * The network that computes `output` by some of these nodes, with the weights that they read. Its inputs are values of this graph, under their
   * names, or further ones.
   */
  part(inputs: readonly Value[], nodes: readonly Node[], output: Value): Graph {
    const part = new Graph(`${this.name} to ${output.name}`, this.store);
    for (const name of this.names) part.names.add(name);
    for (const { name } of inputs) part.names.add(name);
    part.inputs.push(...inputs);
    for (const node of nodes) {
      part.append(node);
      for (const { name } of node.inputs) {
        const [weight, constant] = [this.weights.get(name), this.constants.get(name)];
        if (weight) part.weights.set(name, weight);
        if (constant) part.constants.set(name, constant);
      }
    }
    part.output(PART_OUTPUT, output);
    return part;
  }

  /** A graph with the same inputs, outputs, weights and constants but no nodes. */
  withoutNodes(): Graph {
    const copy = new Graph(this.name, this.store);
    copy.inputs.push(...this.inputs);
    copy.outputs.push(...this.outputs);
    for (const [name, weight] of this.weights) copy.weights.set(name, weight);
    for (const [name, weight] of this.layerWeights) copy.layerWeights.set(name, weight);
    for (const [name, constant] of this.constants) copy.constants.set(name, constant);
    for (const name of this.names) copy.names.add(name);
    return copy;
  }

  private value(name: string, dtype: ValueType, dims: readonly Dim[]): Value {
    if (this.names.has(name)) throw new Error(`the graph already has a value named ${name}`);
    this.names.add(name);
    return { name, dtype, dims };
  }

  /** A name that no value has. */
  private freshName(stem: string): string {
    return `${stem}#${this.names.size}`;
  }
}
