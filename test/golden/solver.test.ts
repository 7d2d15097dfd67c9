import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Device, Tensor } from '../../src/device/addon.js';
import { loadAddon } from '../../src/device/load.js';
import { buildOperator, superResolution } from '../../src/operators/index.js';
import { Conditioning } from '../../src/prior/conditioning.js';
import type { LatentModel } from '../../src/prior/latent_model.js';
import { loadModel } from '../../src/prior/load_model.js';
import { latinoTimesteps } from '../../src/prior/timesteps.js';
import { drive } from '../../src/solver/drive.js';
import { latino } from '../../src/solver/latino.js';
import { gammaRule } from '../../src/solver/step_rules.js';
import { maxRelativeError } from '../support/compare.js';
import { DEVICE } from '../support/device.js';
import { goldenPath, goldenSet } from '../support/golden.js';
import { readTensors, type Stored } from '../support/safetensors.js';

const folder = fileURLToPath(new URL('../../models/portraits-lcm', import.meta.url));

goldenSet('LATINO trace (golden/solver)', ['solver/latino.safetensors'], () => {
  const addon = loadAddon(DEVICE);
  let device: Device;
  let model: LatentModel;
  let trace: Map<string, Stored>;
  const got = new Map<string, Promise<ArrayLike<number>>>();

  const want = (name: string): Float32Array => trace.get(name)!.data as Float32Array;
  const stored = (name: string): Tensor => device.upload(want(name), trace.get(name)!.shape);
  const error = async (name: string): Promise<number> => maxRelativeError(await got.get(name)!, want(name));

  beforeAll(async () => {
    device = addon.openDevice(DEVICE);
    model = await loadModel(addon, device, folder);
    trace = await readTensors(goldenPath('solver/latino.safetensors'));
  });
  afterAll(() => model.dispose());

  it('embeds the prompt', async () => {
    using conditioning = await model.condition(['a portrait of a person']);
    expect(maxRelativeError((await conditioning.promptEmbeds.read()) as Float32Array, want('prompt_embeds'))).toBeLessThan(1e-5);
  });

  it('gives the stored result from the stored noise', async () => {
    const operator = buildOperator(addon, device, superResolution({ factor: 4 }), { height: 128, width: 128 });
    let call = 0;
    using y = stored('y');
    using conditioning = new Conditioning(stored('prompt_embeds'));
    const steps = latino(
      {
        kernels: addon,
        prior: model,
        problem: { operator, y, imageShape: [1, 3, 128, 128], sigma: 0.02 },
        gammaRule: gammaRule(addon, 'auto', { family: 'sd15', task: 'super-resolution', factor: 4 }),
        noise: () => stored(`${call++}/noise`),
      },
      { conditioning, timesteps: latinoTimesteps(8) },
    );
    using result = await drive(steps);
    expect(maxRelativeError((await result.read()) as Float32Array, want('result'))).toBeLessThan(2e-3);
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7])('step %i from its stored z', async (step) => {
    const t = latinoTimesteps(8)[step]!;
    const alpha = model.alphaCumprod(t);
    const operator = buildOperator(addon, device, superResolution({ factor: 4 }), { height: 128, width: 128 });
    using y = stored('y');
    using conditioning = new Conditioning(stored('prompt_embeds'));
    using z = stored(`${step}/z`);
    using eps = model.predictNoise(z, t, conditioning);
    using z0 = addon.linearCombination(1 / Math.sqrt(alpha), z, -Math.sqrt((1 - alpha) / alpha), eps);
    using x = model.decode(z0, 128, 128);
    using residual = operator.residual(x, y);
    const rule = gammaRule(addon, 'auto', { family: 'sd15', task: 'super-resolution', factor: 4 });
    using gamma = rule({ device, operator, x, y, residual, t, alpha, noiseGain: 1, sigma: 0.02, noise: () => z }) as Tensor;
    using prox = operator.proxFromResidual(x, residual, gamma);
    using m = model.encode(prox);
    const tensors: Record<string, Tensor> = { eps, z0, x, gamma, prox, m };
    for (const [name, tensor] of Object.entries(tensors)) got.set(`${step}/${name}`, tensor.read() as Promise<Float32Array>);
    const errors = Object.fromEntries(
      await Promise.all(Object.keys(tensors).map(async (name) => [name, await error(`${step}/${name}`)] as const)),
    );
    for (const name of ['eps', 'z0', 'x', 'm', 'prox']) expect(errors[name], name).toBeLessThan(1e-4);
    expect(errors.gamma, 'gamma').toBeLessThan(1e-3);
  });
});
