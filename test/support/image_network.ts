import type { Addon, Device } from '../../src/device/addon.js';
import type { Budget } from '../../src/graph/bands/plan.js';
import { compile, type Target } from '../../src/graph/compile.js';
import type { Graph } from '../../src/graph/graph.js';
import { ImageNetwork } from '../../src/prior/image_network.js';
import { TARGET } from './device.js';

export const ANY_MEMORY: Budget = { wanted: Infinity, most: Infinity };
export const LEAST_MEMORY: Budget = { wanted: 0, most: 0 };

/** A network that keeps to a budget, as the product opens it: its parts, first changed by `alter`, as for the target. */
export async function openImageNetwork(
  addon: Addon,
  device: Device,
  graph: Graph,
  budget: Budget,
  target: Target = TARGET,
  alter: (part: Graph) => Graph = (part) => part,
): Promise<ImageNetwork & { [Symbol.dispose](): void }> {
  const { model, options } = compile(graph, TARGET);
  const whole = await addon.createSession(device, model, options);
  const preparePart = (part: Graph) => {
    const compiled = compile(alter(part), target);
    return () => addon.deferSession(device, compiled.model, compiled.options);
  };
  const network = new ImageNetwork(addon, device, graph, { whole, preparePart, budget });
  return Object.assign(network, { [Symbol.dispose]: () => network.dispose() });
}
