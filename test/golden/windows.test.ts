import { afterAll, beforeAll, expect, it } from 'vitest';
import { findModel } from '../../src/checkpoint/embedded_models.js';
import type { Device, Tensor, WindowGrid } from '../../src/device/addon.js';
import { loadAddon } from '../../src/device/load.js';
import { buildOperator, superResolution } from '../../src/operators/index.js';
import { Conditioning } from '../../src/prior/conditioning.js';
import type { LatentModel } from '../../src/prior/latent_model.js';
import { loadModel } from '../../src/prior/load_model.js';
import { WindowedPrior } from '../../src/prior/windowed_prior.js';
import { drive } from '../../src/solver/drive.js';
import { latino } from '../../src/solver/latino.js';
import type { StepTensors } from '../../src/solver/step.js';
import { gammaRule } from '../../src/solver/step_rules.js';
import { maxRelativeError } from '../support/compare.js';
import { DEVICE } from '../support/device.js';
import { goldenPath, goldenSet } from '../support/golden.js';
import { readTensors, type Stored } from '../support/safetensors.js';

const TIMESTEPS = [999, 749, 499, 249];
const SIZE = { height: 160, width: 224 };
/** Of a whole run from the stored noise (golden/sdxl/README.md). */
const TOLERANCES: Readonly<Record<string, number>> = { z: 2e-4, gamma: 2e-3, m: 5e-4 };

goldenSet('a windowed prior (golden/sdxl)', ['sdxl/windows.safetensors'], () => {
  const addon = loadAddon(DEVICE);
  let device: Device;
  let model: LatentModel;
  let trace: Map<string, Stored>;

  const want = (name: string): Float32Array => trace.get(name)!.data as Float32Array;
  const stored = (name: string): Tensor => device.upload(want(name), trace.get(name)!.shape);
  const read = async (tensor: Tensor): Promise<Float32Array> => (await tensor.read()) as Float32Array;

  beforeAll(async () => {
    device = addon.openDevice(DEVICE);
    model = await loadModel(addon, device, findModel('portraits').folder);
    trace = await readTensors(goldenPath('sdxl/windows.safetensors'));
  });
  afterAll(() => model.dispose());

  it.each([
    ['predict/999', 12],
    ['predict/499', 12],
    ['predict/124', 12],
    ['other/predict/499', 5],
  ])('%s, a window every %i latents: every window, and all of them blended', async (name, stride) => {
    const t = Number(name.split('/').at(-1));
    const starts = [...(trace.get(name.startsWith('other') ? 'other/starts' : 'starts')!.data as BigInt64Array)].map(Number);
    const axis = (k: number) => [...new Set(starts.filter((_, i) => i % 2 === k))];
    const grid: WindowGrid = { rows: axis(0), columns: axis(1), height: 16, width: 16, ramp: 4 };
    using z = stored(`predict/${t}/z`);
    using c = new Conditioning(stored('prompt_embeds'));
    using cut = addon.cutWindows(z, grid);
    expect(cut.shape).toEqual(trace.get(`${name}/windows`)!.shape);
    using repeated = new Conditioning(addon.concatenate(Array.from({ length: cut.shape[0]! }, () => c.promptEmbeds)));
    using windows = model.predictNoise(cut, t, repeated);
    expect(maxRelativeError(await read(windows), want(`${name}/windows`))).toBeLessThan(5e-5);
    using eps = new WindowedPrior(addon, model, stride).predictNoise(z, t, c);
    expect(maxRelativeError(await read(eps), want(`${name}/eps`))).toBeLessThan(5e-5);
  });

  it('gives the whole run from the stored noise', async () => {
    const operator = buildOperator(addon, device, superResolution({ factor: 4 }), SIZE);
    using y = stored('y');
    using conditioning = new Conditioning(stored('prompt_embeds'));
    let call = 0;
    const run = {
      kernels: addon,
      prior: new WindowedPrior(addon, model),
      problem: { operator, y, imageShape: [1, 3, SIZE.height, SIZE.width], sigma: 0.02 },
      gammaRule: gammaRule(addon, 'auto', { family: 'sd15', task: 'super-resolution', factor: 4 } as const),
      noise: () => stored(`${call++}/noise`),
    };
    const errors = new Map<string, number>();
    let k = 0;
    using result = await drive(latino(run, { conditioning, timesteps: TIMESTEPS }), {
      see: async ({ z, m, gamma }: StepTensors) => {
        const step = k++;
        const compare = async ([name, tensor]: [string, Tensor]) =>
          errors.set(`${step}/${name}`, maxRelativeError(await read(tensor), want(`${step}/${name}`)));
        await Promise.all(Object.entries({ z, m, gamma: gamma as Tensor }).map(compare));
      },
    });
    expect(errors.size).toBe(3 * TIMESTEPS.length);
    for (const [name, error] of errors) expect(error, name).toBeLessThan(TOLERANCES[name.split('/')[1]!]!);
    expect(maxRelativeError(await read(result), want('result'))).toBeLessThan(2e-3);
  });

  it('has the gradient of what it predicts', async () => {
    const prior = new WindowedPrior(addon, model);
    const gradientOf = await prior.loadPromptGradient();
    using z = stored('predict/499/z');
    using g = stored('predict/499/noise');
    using c = new Conditioning(stored('prompt_embeds'));
    using direction = device.randn(c.promptEmbeds.shape, 3, 0);
    using gradient = gradientOf(z, 499, c, g);
    const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
    const along = dot(await read(gradient), await read(direction));
    const at = async (step: number): Promise<number> => {
      using moved = new Conditioning(addon.linearCombination(1, c.promptEmbeds, step, direction));
      using eps = prior.predictNoise(z, 499, moved);
      return dot(await read(eps), await read(g));
    };
    const step = 2e-2;
    const difference = ((await at(step)) - (await at(-step))) / (2 * step);
    expect(Math.abs(difference - along)).toBeLessThan(2e-2 * Math.abs(along));
  });

  it('leaves a picture of about the native size as it is', async () => {
    using z = device.randn([1, 8, 20, 16], 1, 0);
    using c = new Conditioning(stored('prompt_embeds'));
    using own = model.predictNoise(z, 499, c);
    using eps = new WindowedPrior(addon, model).predictNoise(z, 499, c);
    expect(await read(eps)).toEqual(await read(own));
  });

  it('predicts for each picture of a batch what it would alone', async () => {
    const prior = new WindowedPrior(addon, model);
    using z = device.randn([2, 8, 12, 44], [1, 2], 0);
    using c = await model.condition(['a portrait of a person', 'a portrait of a person with red hair']);
    const together = await read(prior.predictNoise(z, 499, c));
    for (const k of [0, 1]) {
      using own = addon.slice(z, k, k + 1);
      using text = new Conditioning(addon.slice(c.promptEmbeds, k, k + 1));
      const alone = await read(prior.predictNoise(own, 499, text));
      expect(maxRelativeError(together.subarray(k * alone.length, (k + 1) * alone.length), alone)).toBeLessThan(1e-5);
    }
  });
});
