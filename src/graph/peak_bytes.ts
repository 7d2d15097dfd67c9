import type { Node, Value } from './graph.js';

/**
 * Bytes of the values that are in memory at the same time, at most, in a run from the first node to the last: each from the node that makes it to
 * the last that reads it.
 *
 * @param held what is there from the beginning, by name
 */
export function peakOf(
  nodes: readonly Node[],
  bytesOf: (value: Value, madeBy: Node) => number,
  held: ReadonlyMap<string, number> = new Map(),
): number {
  const lastUse = new Map<string, number>();
  for (const [at, { inputs }] of nodes.entries()) for (const { name } of inputs) lastUse.set(name, at);
  const live = new Map(held);
  let now = [...live.values()].reduce((sum, bytes) => sum + bytes, 0);
  let peak = now;
  for (const [at, node] of nodes.entries()) {
    for (const output of node.outputs) {
      const bytes = bytesOf(output, node);
      live.set(output.name, bytes);
      now += bytes;
    }
    peak = Math.max(peak, now);
    for (const { name } of node.inputs) {
      if (lastUse.get(name) !== at) continue;
      now -= live.get(name) ?? 0;
      live.delete(name);
    }
  }
  return peak;
}
