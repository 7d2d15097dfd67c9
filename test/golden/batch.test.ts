import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findModel } from '../../src/checkpoint/embedded_models.js';
import type { Device, Tensor } from '../../src/device/addon.js';
import { loadAddon } from '../../src/device/load.js';
import { buildOperator, superResolution } from '../../src/operators/index.js';
import { Conditioning } from '../../src/prior/conditioning.js';
import type { LatentModel } from '../../src/prior/latent_model.js';
import { loadModel } from '../../src/prior/load_model.js';
import { drive } from '../../src/solver/drive.js';
import { latino } from '../../src/solver/latino.js';
import type { StepTensors } from '../../src/solver/step.js';
import { gammaRule } from '../../src/solver/step_rules.js';
import { maxRelativeError } from '../support/compare.js';
import { DEVICE } from '../support/device.js';
import { goldenPath, goldenSet } from '../support/golden.js';
import { readTensors, type Stored } from '../support/safetensors.js';

const TIMESTEPS = [999, 749, 499, 249];
const PROMPTS = [
  'a portrait of a person',
  'a portrait of a person with white curly hair, tan skin, purple squared shirt, big smile mouth, orange background, persona style',
  'a portrait of a person with long brown hair, pale skin, round glasses, green shirt, blue background, avatar style',
];
/** Of a whole run from the stored noise (golden/sdxl/README.md). */
const TOLERANCES: Readonly<Record<string, number>> = { z: 2e-4, gamma: 2e-3, m: 5e-4 };

goldenSet('LATINO on a batch of three (golden/sdxl)', ['sdxl/batch.safetensors'], () => {
  const addon = loadAddon(DEVICE);
  let device: Device;
  let model: LatentModel;
  let trace: Map<string, Stored>;

  const want = (name: string): Float32Array => trace.get(name)!.data as Float32Array;
  /** The stored tensor, or one row of it. */
  const stored = (name: string, row?: number): Tensor => {
    const { shape } = trace.get(name)!;
    const size = want(name).length / shape[0]!;
    return row === undefined
      ? device.upload(want(name), shape)
      : device.upload(want(name).slice(row * size, (row + 1) * size), [1, ...shape.slice(1)]);
  };

  beforeAll(async () => {
    device = addon.openDevice(DEVICE);
    model = await loadModel(addon, device, findModel('portraits').folder);
    trace = await readTensors(goldenPath('sdxl/batch.safetensors'));
  });
  afterAll(() => model.dispose());

  /** Every step's tensors by name, and the result. */
  async function run(row?: number): Promise<Map<string, Float32Array>> {
    const count = row === undefined ? PROMPTS.length : 1;
    using y = stored('y', row);
    using conditioning = new Conditioning(stored('prompt_embeds', row));
    const operator = buildOperator(addon, device, superResolution({ factor: 8 }), { height: 128, width: 128 });
    let call = 0;
    const solver = latino(
      {
        kernels: addon,
        prior: model,
        problem: { operator, y, imageShape: [count, 3, 128, 128], sigma: count === 1 ? 0.02 : [0.02, 0.02, 0.02] },
        gammaRule: gammaRule(addon, 'auto', { family: 'sd15', task: 'super-resolution', factor: 8 }),
        noise: () => stored(`${call++}/noise`, row),
      },
      { conditioning, timesteps: TIMESTEPS },
    );
    const got = new Map<string, Float32Array>();
    let k = 0;
    using result = await drive(solver, {
      see: async ({ z, m, gamma }: StepTensors) => {
        const step = k++;
        const read = async ([name, tensor]: [string, Tensor]) => got.set(`${step}/${name}`, (await tensor.read()) as Float32Array);
        await Promise.all(Object.entries({ z, m, gamma: gamma as Tensor }).map(read));
      },
    });
    return got.set('result', (await result.read()) as Float32Array);
  }

  it('embeds three prompts', async () => {
    using conditioning = await model.condition(PROMPTS);
    expect(conditioning.promptEmbeds.shape).toEqual([3, 48, 128]);
    expect(maxRelativeError((await conditioning.promptEmbeds.read()) as Float32Array, want('prompt_embeds'))).toBeLessThan(1e-5);
  });

  describe('from the stored noise', () => {
    let together: Map<string, Float32Array>;
    beforeAll(async () => {
      together = await run();
    });

    it('gives the stored trace, every step of it', () => {
      expect(together.size).toBe(3 * TIMESTEPS.length + 1);
      for (const [name, values] of together) {
        const tolerance = TOLERANCES[name.split('/')[1] ?? ''] ?? 2e-3;
        expect(maxRelativeError(values, want(name)), name).toBeLessThan(tolerance);
      }
    });

    it.each([0, 1, 2])('picture %i is what it would be alone', async (row) => {
      const alone = await run(row);
      for (const [name, values] of alone) {
        const all = together.get(name)!;
        const own = all.subarray(row * values.length, (row + 1) * values.length);
        expect(maxRelativeError(own, values), name).toBeLessThan(1e-5);
      }
    });
  });
});
