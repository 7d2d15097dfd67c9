import { afterAll, beforeAll, expect, it } from 'vitest';
import { findModel } from '../../src/checkpoint/embedded_models.js';
import type { Device, Tensor } from '../../src/device/addon.js';
import { loadAddon } from '../../src/device/load.js';
import { buildOperator, superResolution } from '../../src/operators/index.js';
import { Conditioning } from '../../src/prior/conditioning.js';
import type { LatentModel } from '../../src/prior/latent_model.js';
import { loadModel } from '../../src/prior/load_model.js';
import { OFFICIAL_CALIBRATION } from '../../src/solver/calibration_settings.js';
import { drive } from '../../src/solver/drive.js';
import { calibrate } from '../../src/solver/latino_pro.js';
import { gammaRule } from '../../src/solver/step_rules.js';
import { maxRelativeError } from '../support/compare.js';
import { DEVICE } from '../support/device.js';
import { goldenPath, goldenSet } from '../support/golden.js';
import { readTensors, type Stored } from '../support/safetensors.js';

const TIMESTEPS = OFFICIAL_CALIBRATION.timesteps;
const PASSES = [0, 1, 2];
const STEPS = [0, 1, 2, 3];

goldenSet('LATINO-PRO trace (golden/solver)', ['solver/latino-pro.safetensors'], () => {
  const addon = loadAddon(DEVICE);
  let device: Device;
  let model: LatentModel;
  let trace: Map<string, Stored>;
  const rule = gammaRule(addon, 'auto', { family: 'sd15', task: 'super-resolution', factor: 8 });

  const want = (name: string): Float32Array => trace.get(name)!.data as Float32Array;
  const stored = (name: string): Tensor => device.upload(want(name), trace.get(name)!.shape);

  beforeAll(async () => {
    device = addon.openDevice(DEVICE);
    model = await loadModel(addon, device, findModel('portraits').folder);
    trace = await readTensors(goldenPath('solver/latino-pro.safetensors'));
  });
  afterAll(() => model.dispose());

  it('gives the stored embedding, pass by pass, from the stored noise', async () => {
    const operator = buildOperator(addon, device, superResolution({ factor: 8 }), { height: 128, width: 128 });
    const noises = PASSES.flatMap((pass) => STEPS.map((step) => `${pass}/${step}/noise`));
    using y = stored('y');
    using conditioning = new Conditioning(stored('prompt_embeds'));
    const run = {
      kernels: addon,
      prior: model,
      problem: { operator, y, imageShape: [1, 3, 128, 128], sigma: 0.02 },
      gammaRule: rule,
      noise: () => stored(noises.shift()!),
    };
    const gradientOf = await model.loadPromptGradient();
    const steps = calibrate(addon, [run], gradientOf, { ...OFFICIAL_CALIBRATION, passes: PASSES.length, conditioning });
    using c = await drive(steps);
    expect(noises).toEqual([]);
    const error = maxRelativeError((await c.read()) as Float32Array, want(`${PASSES.length - 1}/prompt_embeds`));
    expect(error).toBeLessThan(2e-3);
  });

  it.each(PASSES.flatMap((pass) => STEPS.slice(0, -1).map((step) => ({ pass, step }))))(
    'the gradient of pass $pass, step $step from the stored tensors',
    async ({ pass, step }) => {
      const [t, next] = [TIMESTEPS[step]!, TIMESTEPS[step + 1]!];
      const [alpha, following] = [model.alphaCumprod(t), model.alphaCumprod(next)];
      using z = stored(`${pass}/${step}/z`);
      using z0 = stored(`${pass}/${step}/z0`);
      using zNext = stored(`${pass}/${step + 1}/z`);
      using conditioning = new Conditioning(stored(pass === 0 ? 'prompt_embeds' : `${pass - 1}/prompt_embeds`));
      const weight = (-Math.sqrt(following) / (1 - following)) * Math.sqrt((1 - alpha) / alpha);
      using cotangent = addon.linearCombination(weight, zNext, -weight * Math.sqrt(following), z0);
      const gradientOf = await model.loadPromptGradient();
      using gradient = gradientOf(z, t, conditioning, cotangent);
      expect(maxRelativeError((await gradient.read()) as Float32Array, want(`${pass}/${step}/gradient`))).toBeLessThan(5e-4);
    },
  );
});
