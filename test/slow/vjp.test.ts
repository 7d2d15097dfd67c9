import { mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { WeightInfo, WeightStore } from '../../src/graph/weights.js';
import { UNet2DConditionConfig, unetGraph, unetVjpGraph } from '../../src/networks/unet2d_condition.js';
import type { Stored } from '../support/safetensors.js';
import { openNetwork } from '../support/session.js';

/** Stable Diffusion 1.5: 860 million weights. */
const config = UNet2DConditionConfig.parse({ cross_attention_dim: 768 });
const LATENTS = [1, 4, 32, 32];
const TEXT = [1, 77, 768];
const WRT = ['encoder_hidden_states', 'sample'] as const;

type Inputs = Record<string, Stored>;

/** Reproducible and uniform, of variance one. */
function random(length: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (Math.sqrt(3) * state) / 2 ** 31;
  });
}

/** Writes random weights to a file as they are asked for; their scale keeps the variance of what passes through a layer. */
class RandomWeights implements WeightStore {
  private readonly path: string;
  private readonly file: number;
  private readonly pool = random(2 ** 22 + 1, 1);
  private readonly known = new Map<string, WeightInfo>();
  private offset = 0;

  constructor(folder: string) {
    this.path = join(folder, 'weights.bin');
    this.file = openSync(this.path, 'w');
  }

  has(): boolean {
    return true;
  }

  get(name: string, shape: readonly number[]): WeightInfo {
    const known = this.known.get(name);
    if (known) return known;
    const length = shape.reduce((product, dim) => product * dim, 1);
    const info: WeightInfo = { dtype: 'F32', shape: [...shape], path: this.path, offset: this.offset, length: 4 * length };
    // A vector is a bias or the scale of a normalisation.
    const isScale = shape.length === 1 && name.endsWith('.weight');
    const deviation = shape.length === 1 ? 0.1 : 1 / Math.sqrt(length / shape[0]!);
    const values = Float32Array.from({ length }, (_, i) => {
      return (isScale ? 1 : 0) + deviation * this.pool[(this.offset + i) % this.pool.length]!;
    });
    writeSync(this.file, values, 0, values.byteLength, this.offset);
    this.offset += values.byteLength;
    this.known.set(name, info);
    return info;
  }
}

const dot = (a: Stored, b: Stored): number => {
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) sum += Number(a.data[i]) * Number(b.data[i]);
  return sum;
};

const tensor = (shape: number[], seed: number): Stored => ({
  shape,
  data: random(
    shape.reduce((a, b) => a * b),
    seed,
  ),
});

function moved(x: Stored, direction: Stored, step: number): Stored {
  return { ...x, data: Float32Array.from(x.data as Float32Array, (value, i) => value + step * Number(direction.data[i])) };
}

/** Needs 4 GB of disk, 10 GB of memory and some minutes. */
describe.runIf(process.env.LATINO_SLOW)('the vector-Jacobian product of a UNet as large as that of Stable Diffusion 1.5', () => {
  it('agrees with difference quotients along random directions', { timeout: 3_600_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'latino-'));
    try {
      const weights = new RandomWeights(folder);
      const inputs: Inputs = {
        sample: tensor(LATENTS, 2),
        timestep: { shape: [1], data: BigInt64Array.of(499n) },
        encoder_hidden_states: tensor(TEXT, 3),
      };
      const g = tensor(LATENTS, 4);
      const directions = WRT.flatMap((name) => [5, 6].map((seed) => ({ name, direction: tensor(inputs[name]!.shape, seed) })));

      const { quotients, seconds: forward } = await differenceQuotients(weights, inputs, g, directions);
      const run = await openNetwork(unetVjpGraph(config, weights, { wrt: WRT }));
      const wanted = { eps: g, ...Object.fromEntries(WRT.map((name) => [`vjp_${name}`, inputs[name]!])) };
      await run({ ...inputs, g }, wanted);
      const start = performance.now();
      const results = await run({ ...inputs, g }, wanted);
      const seconds = (performance.now() - start) / 1000;

      const memory = process.resourceUsage().maxRSS / 2 ** 20;
      console.log(`forward ${forward.toFixed(1)} s, with reverse ${seconds.toFixed(1)} s, peak memory ${memory.toFixed(1)} GB`);
      for (const [index, { name, direction }] of directions.entries()) {
        const gradient = results[`vjp_${name}`]!;
        // Along a random direction of unit variance the derivative is of the size of the gradient's norm.
        const size = Math.sqrt(dot(gradient, gradient));
        const error = Math.abs(dot(gradient, direction) - quotients[index]!) / size;
        console.log(
          `${name}: ${dot(gradient, direction).toFixed(4)}, quotient ${quotients[index]!.toFixed(4)}, error ${error.toExponential(1)}`,
        );
        expect(error).toBeLessThan(1e-3);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

/** Of sum(g * eps), by five points. In a function of its own so that its session can be freed. */
async function differenceQuotients(
  weights: WeightStore,
  inputs: Inputs,
  g: Stored,
  directions: readonly { name: string; direction: Stored }[],
) {
  const run = await openNetwork(unetGraph(config, weights));
  const step = 0.03;
  const quotients: number[] = [];
  await run(inputs, { eps: g });
  const start = performance.now();
  for (const { name, direction } of directions) {
    const at = async (t: number) => dot(g, (await run({ ...inputs, [name]: moved(inputs[name]!, direction, t) }, { eps: g })).eps!);
    quotients.push((8 * ((await at(step)) - (await at(-step))) - ((await at(2 * step)) - (await at(-2 * step)))) / (12 * step));
  }
  const seconds = (performance.now() - start) / 1000 / (4 * directions.length);
  run.dispose();
  return { quotients, seconds };
}
