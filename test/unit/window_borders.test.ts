import { afterAll, beforeAll, expect, it } from 'vitest';
import { bordersOf, energyAcross } from '../../bench/border_energy.mjs';
import { findModel } from '../../src/checkpoint/embedded_models.js';
import type { Addon, Device } from '../../src/device/addon.js';
import { loadAddon } from '../../src/device/load.js';
import { buildOperator, inpainting } from '../../src/operators/index.js';
import type { LatentModel } from '../../src/prior/latent_model.js';
import { loadModel } from '../../src/prior/load_model.js';
import { WindowedPrior } from '../../src/prior/windowed_prior.js';
import { drive } from '../../src/solver/drive.js';
import { latino } from '../../src/solver/latino.js';
import { seededNoise } from '../../src/solver/noise.js';
import { gammaRule } from '../../src/solver/step_rules.js';
import { DEVICE } from '../support/device.js';

// bench/windows.mjs looks at a restored photograph, whose data hide most of a seam. Here nearly all of the picture is missing: every window paints
// what it likes. The decoder spreads a latent over 8 pixels, so that a border is compared with the lines a latent beside it.

const SIZE = { height: 320, width: 384 };
const SIGMA = 0.05;
const TIMESTEPS = [999, 749, 499, 249];

const addon = loadAddon(DEVICE);
let device: Device;
let model: LatentModel;
beforeAll(async () => {
  device = addon.openDevice(DEVICE);
  model = await loadModel(addon, device, findModel('portraits').folder);
});
afterAll(() => model.dispose());

/** The energy of the gradient across the borders of windows, as a part of that beside them, where windows are blended in this way. */
async function energyAtBorders(blendWindows: Addon['blendWindows']): Promise<number> {
  const { height, width } = SIZE;
  const operator = buildOperator(addon, device, inpainting({ box: [4, 4, height - 8, width - 8] }), SIZE);
  using y = device.full([1, 3, height, width], 0);
  using conditioning = await model.condition(['a portrait of a person']);
  const run = {
    kernels: addon,
    prior: new WindowedPrior({ ...addon, blendWindows }, model),
    problem: { operator, y, imageShape: [1, 3, height, width], sigma: 2 * SIGMA, inpainting: true },
    gammaRule: gammaRule(addon, 'auto', { family: 'sd15', task: 'inpainting' } as const),
    noise: seededNoise(device, 0),
  };
  using result = await drive(latino(run, { conditioning, timesteps: TIMESTEPS }), {});
  const lines = { columns: bordersOf(width, model.nativeSize), rows: bordersOf(height, model.nativeSize) };
  return energyAcross({ ...SIZE, channels: 3, data: (await result.read()) as Float32Array }, lines, model.downscaling);
}

it('does not show where windows begin and end, as it would if they did so abruptly', async () => {
  const faded = energyAtBorders((windows, grid, height, width) => addon.blendWindows(windows, grid, height, width));
  const abrupt = energyAtBorders((windows, grid, height, width) => addon.blendWindows(windows, { ...grid, ramp: 0.5 }, height, width));
  expect(await faded).toBeLessThan(1.6);
  expect(await abrupt).toBeGreaterThan(1.9);
});
