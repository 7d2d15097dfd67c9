import { loadAddon } from '../../src/device/load.js';
import { compile, type Target } from '../../src/graph/compile.js';
import type { Graph, Value } from '../../src/graph/graph.js';
import { lengthOf } from '../../src/graph/lengths.js';
import { cpu } from '../../src/graph/targets/cpu/cpu.js';
import { DEVICE, TARGET } from './device.js';
import type { Stored } from './safetensors.js';

type Shapes = Readonly<Record<string, Pick<Stored, 'shape'>>>;

/**
 * Runs a network as the product does on the tests' device: in a session of the addon, its weights read where they lie in their files. That for the
 * CPU always runs there; that for a GPU wherever the tests do, because ONNX Runtime has its operators on either.
 *
 * The runner takes its inputs by name among the given tensors, and computes the outputs that `wanted` names, of the shapes found there. Where
 * nothing is named it computes all, of the shapes that the graph says.
 */
export async function openNetwork(graph: Graph, target: Target = TARGET) {
  const name = target === cpu ? 'cpu' : DEVICE;
  const addon = loadAddon(name);
  const device = addon.openDevice(name);
  const { model, options } = compile(graph, target);
  const session = await addon.createSession(device, model, options);
  const run = async (
    inputs: Readonly<Record<string, Stored>>,
    wanted: Shapes = shapesOf(graph.outputs, lengthsOf(graph.inputs, inputs)),
  ): Promise<Record<string, Stored>> => {
    requireAmong(namesOf(graph.outputs), Object.keys(wanted));
    requireAmong(Object.keys(inputs), namesOf(graph.inputs));
    const feeds = Object.fromEntries(namesOf(graph.inputs).map((name) => [name, device.upload(inputs[name]!.data, inputs[name]!.shape)]));
    const results = session.run(feeds, Object.fromEntries(Object.entries(wanted).map(([name, { shape }]) => [name, shape])));
    const read = Object.entries(results).map(async ([name, tensor]): Promise<[string, Stored]> => {
      return [name, { shape: [...tensor.shape], data: (await tensor.read()) as Float32Array }];
    });
    try {
      return Object.fromEntries(await Promise.all(read));
    } finally {
      for (const tensor of [...Object.values(feeds), ...Object.values(results)]) tensor.dispose();
    }
  };
  return Object.assign(run, { dispose: () => session.dispose() });
}

const namesOf = (values: readonly Value[]): string[] => values.map(({ name }) => name);

/** What is misspelt or missing must not go unseen: it would be compared with nothing. */
function requireAmong(known: readonly string[], names: readonly string[]): void {
  const strange = names.filter((name) => !known.includes(name));
  if (names.length === 0 || strange.length > 0) throw new Error(`Expected some of ${known.join(', ')} but received ${names.join(', ')}`);
}

/** The lengths of the dimensions that inputs name, as in ['batch', 4, 'height', 'width']. */
function lengthsOf(values: readonly Value[], inputs: Shapes): Map<string, number> {
  const lengths = new Map<string, number>();
  for (const { name, dims } of values) {
    for (const [axis, dim] of dims.entries()) if (typeof dim === 'string') lengths.set(dim, inputs[name]!.shape[axis]!);
  }
  return lengths;
}

const shapesOf = (values: readonly Value[], lengths: ReadonlyMap<string, number>): Shapes =>
  Object.fromEntries(values.map(({ name, dims }) => [name, { shape: dims.map((dim) => lengthOf(dim, lengths)) }]));
