import type { Addon, Device, WeightSource } from './device/addon.js';
import { compile } from './graph/compile.js';
import { Graph, type Value } from './graph/graph.js';
import { cpu } from './graph/targets/cpu/cpu.js';
import { elementCount, type WeightStore } from './graph/weights.js';
import { WORK_KINDS, type Work, type WorkKind, workOf } from './graph/work.js';
import { attention, conv, groupNorm, linear } from './networks/layers.js';

const CHANNELS = 320;
const SIDE = 64;

/** A layer of each kind, of the size that most of Stable Diffusion's time is spent in. */
const TRIALS: Readonly<Record<WorkKind, { readonly dims: readonly number[]; readonly build: (g: Graph, x: Value) => Value }>> = {
  convolution: { dims: [1, CHANNELS, SIDE, SIDE], build: (g, x) => conv(g, x, 'layer', CHANNELS) },
  linear: { dims: [1, SIDE * SIDE, CHANNELS], build: (g, x) => linear(g, x, 'layer', 4 * CHANNELS) },
  attention: { dims: [1, (SIDE * SIDE) / 2, CHANNELS], build: (g, x) => attention(g, x, x, x, 8) },
  values: { dims: [1, CHANNELS, SIDE, SIDE], build: (g, x) => groupNorm(g, x, 'layer', 32, 1e-5) },
};
/** After the one that packs the weights; the fastest counts. */
const RUNS = 3;

/** Work of each kind a second on this CPU, as it is now: measured, in about a second. */
export async function measureWorkRate(addon: Addon, device: Device): Promise<Work> {
  const rates: [WorkKind, number][] = [];
  // One after the other, so that none takes another's cores.
  for (const kind of WORK_KINDS) rates.push([kind, await measure(addon, device, kind)]);
  return Object.fromEntries(rates) as unknown as Work;
}

async function measure(addon: Addon, device: Device, kind: WorkKind): Promise<number> {
  const { dims, build } = TRIALS[kind];
  const graph = new Graph(kind, IN_MEMORY);
  const result = graph.output('y', build(graph, graph.input('x', 'f32', dims)));
  const { model, options } = compile(graph, cpu);
  const weights = options.weights?.map(zeros);
  const session = await addon.createSession(device, model, { weights, layerWeights: options.layerWeights?.map(zeros) });
  try {
    using x = device.full(dims, 0.5);
    const shape = result.dims.map(Number);
    let best = Infinity;
    for (let run = 0; run <= RUNS; run++) {
      const begun = performance.now();
      using y = session.run({ x }, { y: shape }).y;
      await device.synchronize();
      if (run > 0 && y.shape.length > 0) best = Math.min(best, performance.now() - begun);
    }
    return workOf(graph, new Map())[kind] / (best / 1000);
  } finally {
    session.dispose();
  }
}

/** Of a type that is always widened, so that nothing is looked for in a file. */
const IN_MEMORY: WeightStore = {
  has: () => true,
  get: (_, shape) => ({ dtype: 'BF16', shape, path: '', offset: 0, length: 2 * elementCount(shape) }),
};

const zeros = ({ name, shape, sourceType }: WeightSource): WeightSource => ({
  name,
  shape,
  sourceType,
  data: new Uint8Array(2 * elementCount(shape)),
});
