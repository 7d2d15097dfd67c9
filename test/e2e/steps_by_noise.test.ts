import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BatchInput, denoising, gaussianBlur, inpainting, Latino, type Progress, readImage, type Warning } from '../../src/index.js';
import { root } from '../support/cli.js';
import { DEVICE } from '../support/device.js';
import { middle } from '../support/middle.js';

// bench/denoising_steps.mjs: from noise of 0.05 on twelve steps are worth their time.

const operator = denoising();
const MUCH = 0.1;
const LITTLE = 0.02;

describe('steps of the photographs’ prior', () => {
  let latino: Latino;
  let noisy: { readonly little: BatchInput; readonly much: BatchInput };
  beforeAll(async () => {
    latino = await Latino.load({ model: 'photos', device: DEVICE });
    const clean = middle(await readImage(join(root, 'models/photos-lcm/samples/coffee.png')), 32);
    const [little, much] = await Promise.all([LITTLE, MUCH].map((sigma) => latino.degrade(clean, { operator, sigma })));
    noisy = { little: { input: little!.image, sigma: LITTLE }, much: { input: much!.image, sigma: 'auto' } };
  });
  afterAll(() => latino?.dispose());

  it('are more against much noise and nothing else', () => {
    const stepsOf = (task: typeof operator | ReturnType<typeof gaussianBlur>, sigma?: number): number => latino.defaults(task, sigma).steps;
    expect([stepsOf(operator), stepsOf(operator, 0.049), stepsOf(operator, 0.05)]).toEqual([8, 8, 12]);
    expect(stepsOf(gaussianBlur({ sigma: 2 }), MUCH)).toBe(8);
    expect(latino.defaults(inpainting({ box: [4, 4, 8, 8] }), MUCH).steps).toBe(32);
  });

  it('are those of each image of a batch, which comes out as it does alone, and is warned of by its place', async () => {
    const batch = [noisy.little, noisy.much, noisy.little];
    const [warnings, progress]: [Warning[], Progress[]] = [[], []];
    const quiet = { operator, onWarning: () => undefined };
    const restored = await latino.restoreBatch(batch, {
      operator,
      onWarning: (warning) => warnings.push(warning),
      onProgress: (made) => progress.push(made),
    });
    expect(restored.map(({ record }) => record.steps)).toEqual([8, 12, 8]);
    expect(restored[1]!.record.timesteps).toHaveLength(12);
    for (const [k, own] of batch.entries()) {
      const [alone] = await latino.restoreBatch([own], quiet);
      expect(restored[k]!.image.data, `${k}`).toEqual(alone!.image.data);
    }
    // 32 × 32 pixels are few: of that one alone the noise was estimated.
    expect(warnings).toMatchObject([{ code: 'WARN_LATINO_SIGMA_UNSURE', images: [1] }]);
    expect(restored.map(({ record }) => record.warnings.length)).toEqual([0, 1, 0]);
    expect(progress.map(({ step }) => step)).toEqual([...Array(20).keys()].map((k) => k + 1));
    expect(progress.every(({ steps }) => steps === 20)).toBe(true);
  });

  it('are as many as are asked for', async () => {
    const [restored] = await latino.restoreBatch([noisy.much], { operator, steps: 2, onWarning: () => undefined });
    expect(restored!.record).toMatchObject({ steps: 2, sigmaEstimated: true });
  });
});
