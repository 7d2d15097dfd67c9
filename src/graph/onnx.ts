import { basename, dirname } from 'node:path';
import Pbf from 'pbf';
import type { SessionOptions, WeightSource } from '../device/addon.js';
import type { Attribute, Constant, Domain, Graph, Node, Value, Weight } from './graph.js';
import { elementCount, type WeightInfo } from './weights.js';

const IR_VERSION = 10;
const opsetOf = (domain: Domain) => ({ domain, version: domain === '' ? 21 : 1 });
/** Whether an operator is one of our own, of whose results ONNX Runtime does not know the shape. */
const isOurs = ({ domain }: Node): boolean => domain.startsWith('latino');

// Numbers from onnx.proto.
const ELEMENT_TYPE = { f32: 1, i64: 7, bool: 9, f16: 10 } as const;
const ATTRIBUTE_TYPE = { float: 1, int: 2, string: 3, graph: 5, ints: 7 } as const;
const EXTERNAL = 1;

/**
 * Operators whose result's shape depends on an input's values. We state it, as we do for our own layers, because ONNX Runtime loads a network
 * several times more slowly where it does not know shapes.
 */
const SHAPED_BY_VALUE = new Set(['Reshape', 'Expand', 'Slice']);

/** A network model with the options that ONNX Runtime needs to find its weights. */
export interface OnnxModel {
  readonly model: Uint8Array;
  readonly options: SessionOptions;
}

/**
 * Writes a graph as an ONNX ModelProto whose weights are external data inside the .safetensors files: ONNX Runtime reads those of the graph's
 * precision in place; others are listed in the options, to be widened. With `embed` the weights' bytes go into the model instead.
 */
export function serializeModel(graph: Graph, embed?: (weight: WeightInfo) => Uint8Array): OnnxModel {
  const weights = [...graph.weights.values()];
  const folder = folderOf(graph);
  const pbf = new Pbf();
  pbf.writeVarintField(1, IR_VERSION);
  pbf.writeStringField(2, 'latino-native');
  pbf.writeMessage(7, (g: Graph, p: Pbf) => writeGraph(g, p, embed), graph);
  const write = ({ domain, version }: ReturnType<typeof opsetOf>, p: Pbf) => {
    p.writeStringField(1, domain);
    p.writeVarintField(2, version);
  };
  for (const domain of domainsOf(graph)) pbf.writeMessage(8, write, opsetOf(domain));
  const model = pbf.finish();
  if (embed) return { model, options: {} };
  const source = ({ value, info }: Weight): WeightSource => weightSource(value.name, info);
  const layerWeights = [...graph.layerWeights.values()].map(source);
  const inPlace = new Set(weights.filter((weight) => isReadInPlace(weight, folder)));
  const files = new Map([...inPlace].flatMap(({ info: { path, version } }) => (version ? [[path, { path, version }]] : [])));
  const options = { folder, weights: weights.filter((weight) => !inPlace.has(weight)).map(source), files: [...files.values()] };
  return { model, options: layerWeights.length > 0 ? { ...options, layerWeights } : options };
}

/** The one folder that a network's external data may lie in. */
export const folderOf = ({ weights }: Graph): string | undefined => {
  const [first] = weights.values();
  return first && dirname(first.info.path);
};

/** Whether the bytes in the file are those of the value. */
export const isReadInPlace = ({ value, info }: Weight, folder?: string): boolean =>
  info.dtype.toLowerCase() === value.dtype && !info.updates && !info.isTransposed && dirname(info.path) === folder;

function domainsOf(graph: Graph): Set<Domain> {
  const domains = new Set<Domain>(['']);
  for (const { domain, attributes } of graph.nodes) {
    domains.add(domain);
    for (const attribute of Object.values(attributes))
      if (attribute.kind === 'graph') for (const inside of domainsOf(attribute.value)) domains.add(inside);
  }
  return domains;
}

function weightSource(name: string, { shape, dtype, path, offset, version, isTransposed, updates }: WeightInfo): WeightSource {
  const source = { name, shape, sourceType: dtype, path, offset, version, ...(isTransposed && { isTransposed }) };
  if (!updates) return source;
  const changed = updates.map(({ up, down, factor }) => ({
    up: weightSource(`${name} (up)`, up),
    down: weightSource(`${name} (down)`, down),
    factor,
  }));
  return { ...source, updates: changed };
}

function writeGraph(graph: Graph, pbf: Pbf, embed?: (weight: WeightInfo) => Uint8Array): void {
  writeBody(graph, pbf);
  for (const constant of graph.constants.values()) pbf.writeMessage(5, writeConstant, constant);
  for (const weight of graph.weights.values()) pbf.writeMessage(5, (w: Weight, p: Pbf) => writeWeight(w, p, embed), weight);
}

/** A graph without weights and constants: those of a Loop's body belong to the graph around it. */
function writeBody(graph: Graph, pbf: Pbf): void {
  for (const node of graph.nodes) pbf.writeMessage(1, writeNode, node);
  pbf.writeStringField(2, graph.name);
  for (const input of graph.inputs) pbf.writeMessage(11, writeValue, input);
  for (const output of graph.outputs) pbf.writeMessage(12, writeValue, output);
  for (const node of graph.nodes) {
    if (!SHAPED_BY_VALUE.has(node.opType) && !isOurs(node)) continue;
    for (const output of node.outputs) if (output.dims.length > 0) pbf.writeMessage(13, writeValue, output);
  }
}

function writeNode(node: Node, pbf: Pbf): void {
  for (const input of node.inputs) pbf.writeStringField(1, input.name);
  for (const output of node.outputs) pbf.writeStringField(2, output.name);
  pbf.writeStringField(3, node.outputs[0]?.name ?? node.opType);
  pbf.writeStringField(4, node.opType);
  for (const entry of Object.entries(node.attributes)) pbf.writeMessage(5, writeAttribute, entry);
  pbf.writeStringField(7, node.domain);
}

function writeAttribute([name, attribute]: [string, Attribute], pbf: Pbf): void {
  pbf.writeStringField(1, name);
  switch (attribute.kind) {
    case 'float':
      pbf.writeFloatField(2, attribute.value);
      break;
    case 'int':
      pbf.writeVarintField(3, attribute.value);
      break;
    case 'string':
      pbf.writeStringField(4, attribute.value);
      break;
    case 'graph':
      pbf.writeMessage(6, writeBody, attribute.value);
      break;
    case 'ints':
      for (const value of attribute.value) pbf.writeVarintField(8, value);
      break;
  }
  pbf.writeVarintField(20, ATTRIBUTE_TYPE[attribute.kind]);
}

function writeTensorHead(value: Value, pbf: Pbf): void {
  for (const dim of value.dims) pbf.writeVarintField(1, Number(dim));
  pbf.writeVarintField(2, ELEMENT_TYPE[value.dtype]);
  pbf.writeStringField(8, value.name);
}

function writeConstant({ value, data }: Constant, pbf: Pbf): void {
  writeTensorHead(value, pbf);
  pbf.writeBytesField(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

function writeWeight({ value, info }: Weight, pbf: Pbf, embed?: (weight: WeightInfo) => Uint8Array): void {
  writeTensorHead(value, pbf);
  if (embed) {
    pbf.writeBytesField(9, embed(info));
    return;
  }
  const bytes = (value.dtype === 'f16' ? 2 : 4) * elementCount(info.shape);
  const entries = { location: basename(info.path), offset: String(info.offset), length: String(bytes) };
  for (const entry of Object.entries(entries)) pbf.writeMessage(13, writeStringEntry, entry);
  pbf.writeVarintField(14, EXTERNAL);
}

function writeStringEntry([key, value]: [string, string], pbf: Pbf): void {
  pbf.writeStringField(1, key);
  pbf.writeStringField(2, value);
}

function writeValue(value: Value, pbf: Pbf): void {
  pbf.writeStringField(1, value.name);
  pbf.writeMessage(2, (v: Value, type: Pbf) => type.writeMessage(1, writeTensorType, v), value);
}

function writeTensorType(value: Value, pbf: Pbf): void {
  pbf.writeVarintField(1, ELEMENT_TYPE[value.dtype]);
  const writeShape = (v: Value, p: Pbf) => {
    for (const dim of v.dims)
      p.writeMessage(1, (d: number | string, q: Pbf) => (typeof d === 'number' ? q.writeVarintField(1, d) : q.writeStringField(2, d)), dim);
  };
  pbf.writeMessage(2, writeShape, value);
}
