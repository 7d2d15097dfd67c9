import { beforeAll, describe, expect, it } from 'vitest';
import type { Graph, Node } from '../../src/graph/graph.js';
import { cpu } from '../../src/graph/targets/cpu/cpu.js';
import { cuda } from '../../src/graph/targets/cuda/cuda.js';
import { unetVjpGraph } from '../../src/networks/unet2d_condition.js';
import { readModel, stepGraphs, textGraph } from '../../src/prior/read_model.js';
import { portraits } from '../support/cli.js';
import { relativeError } from '../support/compare.js';
import type { Stored } from '../support/safetensors.js';
import { openNetwork } from '../support/session.js';

const names = ['unet', 'derivative', 'encoder', 'decoder', 'text'] as const;
type Name = (typeof names)[number];

/** The networks of the embedded model. */
let graphs: Readonly<Record<Name, Graph>>;
beforeAll(async () => {
  const files = await readModel(portraits, {});
  const { config, weights } = files.unet;
  const derivative = unetVjpGraph(config, weights, { wrt: ['encoder_hidden_states'], withoutLoops: cuda.withoutLoops });
  graphs = { ...stepGraphs(files), derivative, text: await textGraph(files.texts[0]!) };
});

/** Numbers from -1 to 1 without a pattern. */
function numbers(shape: readonly number[]): Stored {
  const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
  return { shape: [...shape], data: data.map((_, i) => 2 * ((Math.sin(i + 1) * 43758.5453) % 1)) };
}

const integers = (...values: number[]): Stored => ({ shape: [values.length], data: BigInt64Array.from(values, BigInt) });

const unet = { sample: numbers([2, 8, 16, 24]), timestep: integers(499, 999), encoder_hidden_states: numbers([2, 32, 128]) };
const inputs: Readonly<Record<Name, Readonly<Record<string, Stored>>>> = {
  unet,
  derivative: { ...unet, g: numbers([2, 8, 16, 24]) },
  encoder: { image: numbers([2, 3, 64, 96]) },
  decoder: { latents: numbers([2, 8, 8, 12]) },
  text: { input_ids: { ...integers(...Array.from({ length: 32 }, (_, i) => (i * 37) % 500)), shape: [1, 32] } },
};

/** What an operator reads on the host, and does not have to compute there. */
const SHAPE_INPUT: Readonly<Record<string, readonly number[]>> = { Reshape: [1], Slice: [1, 2, 3, 4], Expand: [1] };

describe.each(names)('the %s for a GPU', (name) => {
  const form = (): Graph => cuda.passes.reduce((graph, pass) => pass(graph), graphs[name]);

  // In a session of ONNX Runtime's CPU provider, which has these operators, too.
  it('computes what that for the CPU does', async () => {
    const [got, want] = await Promise.all(
      [cuda, cpu].map(async (target) => {
        const run = await openNetwork(graphs[name], target);
        const results = await run(inputs[name]);
        run.dispose();
        return results;
      }),
    );
    expect(Object.keys(want!)).not.toEqual([]);
    for (const [output, value] of Object.entries(want!)) expect(relativeError(got![output]!, value), output).toBeLessThan(1e-4);
  });

  it("has operators of ONNX Runtime's only", () => {
    expect(form().nodes.filter(({ domain }) => domain !== '' && domain !== 'com.microsoft')).toEqual([]);
  });

  // ONNX Runtime's CUDA provider hands that to the CPU, and the session, which forbids it, cannot be made.
  it('computes nothing from shapes', () => {
    const { nodes } = form();
    const shapes = new Set(nodes.filter(({ opType }) => opType === 'Shape').map(({ outputs }) => outputs[0]!.name));
    const computes = ({ opType, inputs: read }: Node): boolean =>
      read.some((value, place) => shapes.has(value.name) && !SHAPE_INPUT[opType]?.includes(place));
    expect(nodes.filter(computes)).toEqual([]);
  });
});
