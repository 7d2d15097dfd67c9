import type { Tensor } from '../../src/device/addon.js';
import { loadAddon } from '../../src/device/load.js';
import { compile, type Target } from '../../src/graph/compile.js';
import type { Graph } from '../../src/graph/graph.js';
import { cpu } from '../../src/graph/targets/cpu/cpu.js';
import type { Stored } from './safetensors.js';

/**
 * Runs a network as the product does on the CPU, unless told otherwise: in a session of the addon, its weights read where they lie in their files.
 * The runner computes the outputs that `wanted` has, and gives them the shapes found there.
 */
export async function openNetwork(graph: Graph, target: Target = cpu) {
  const addon = loadAddon();
  const device = addon.openDevice('cpu');
  const { model, options } = compile(graph, target);
  const session = await addon.createSession(device, model, options);
  const names = graph.inputs.map((input) => input.name);
  const outputs = graph.outputs.map((output) => output.name);
  const run = async (
    inputs: Readonly<Record<string, Stored>>,
    wanted: Readonly<Record<string, Stored>>,
  ): Promise<Record<string, Stored>> => {
    const feeds = Object.fromEntries(names.map((name) => [name, device.upload(inputs[name]!.data, inputs[name]!.shape)]));
    const shapes = Object.fromEntries(outputs.flatMap((name) => (wanted[name] ? [[name, wanted[name].shape]] : [])));
    const results = Object.entries<Tensor>(session.run(feeds, shapes));
    const read = async ([name, tensor]: [string, Tensor]): Promise<[string, Stored]> => [
      name,
      { shape: [...tensor.shape], data: (await tensor.read()) as Float32Array },
    ];
    return Object.fromEntries(await Promise.all(results.map(read)));
  };
  return Object.assign(run, { dispose: () => session.dispose() });
}
