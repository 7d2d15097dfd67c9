import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  degrade,
  estimateSigma,
  type Image,
  type ImageRecord,
  Latino,
  readJournals,
  runBatch,
  superResolution,
  type Warning,
} from '../../src/index.js';
import { portraits, run } from '../support/cli.js';
import { DEVICE } from '../support/device.js';

// A restoration without a noise level is the restoration with the estimated one, and says which that was.

const operator = superResolution({ factor: 2 });
const options = { operator, steps: 1 };
const SAMPLE = join(portraits, 'samples/03.png');

let latino: Latino;
let folder: string;
let noisy: Image[];
let found: number[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'latino-sigma-'));
  latino = await Latino.load({ model: 'portraits', device: DEVICE });
  noisy = await Promise.all([0.01, 0.08].map(async (sigma) => (await degrade(SAMPLE, { operator, sigma })).image));
  found = await Promise.all(noisy.map(async (image) => (await estimateSigma(image, { operator })).sigma));
});
afterAll(async () => {
  await latino.dispose();
  rmSync(folder, { recursive: true });
});

describe('sigma auto', () => {
  it('is what is used where none is given, and is told', async () => {
    const given = await latino.restore(noisy[1]!, { ...options, sigma: found[1]! });
    expect(given.record).toMatchObject({ sigma: found[1], sigmaEstimated: false });
    for (const more of [{}, { sigma: 'auto' as const }]) {
      const restored = await latino.restore(noisy[1]!, { ...options, ...more });
      expect(restored.record).toMatchObject({ sigma: found[1], sigmaEstimated: true });
      expect(restored.image.data).toEqual(given.image.data);
    }
  });

  it('is each one’s own in a batch and in a queue, whatever the others have', async () => {
    const batch = await latino.restoreBatch([{ input: noisy[0]! }, { input: noisy[1]! }, { input: noisy[1]!, sigma: 0.3 }], options);
    expect(batch.map(({ record }) => record.sigma)).toEqual([...found, 0.3]);
    // The first is solved alone; of the others together the first is not to decide.
    const queue = latino.queue({ concurrency: 1, together: 3 });
    const queued = [{}, { sigma: 0.3 }, {}, { sigma: 'auto' as const }].map((own) => queue.restore(noisy[1]!, { ...options, ...own }));
    expect((await Promise.all(queued)).map(({ record }) => record.sigma)).toEqual([found[1], 0.3, found[1], found[1]]);
  });

  it('warns where it is unsure, of the image that it is about', async () => {
    const sr8 = superResolution({ factor: 8 });
    const small = (await degrade(SAMPLE, { operator: sr8, sigma: 0.02 })).image;
    const warnings: Warning[] = [];
    const inputs = [{ input: small, sigma: 0.02 }, { input: small }];
    await latino.restoreBatch(inputs, { operator: sr8, steps: 1, onWarning: (warning) => warnings.push(warning) });
    const unsure = warnings.filter(({ code }) => code === 'WARN_LATINO_SIGMA_UNSURE');
    expect(unsure).toEqual([
      { code: 'WARN_LATINO_SIGMA_UNSURE', message: expect.stringMatching(/16 × 16 pixels are few.*--sigma/), images: [1] },
    ]);
  });

  it('calibrates as the estimated level does', async () => {
    const settings = { passes: 1 };
    const [auto, given] = await Promise.all([
      latino.calibrate([noisy[1]!], { operator, settings }),
      latino.calibrate([noisy[1]!], { operator, settings, sigma: found[1]! }),
    ]);
    expect(auto.data).toEqual(given.data);
  });

  it('is in the journal of a batch, and the same image is not restored twice', async () => {
    const [input, out] = [join(folder, 'in.png'), join(folder, 'out')];
    await run('degrade', SAMPLE, '--task', 'sr:2', '--sigma', '0.05', '-o', input);
    const settings = { out, operator, steps: 1, model: { model: 'portraits', device: DEVICE } };
    expect(await runBatch(input, settings)).toMatchObject({ restored: 1 });
    const records: ImageRecord[] = [];
    for await (const record of readJournals(out)) if (record.kind === 'image') records.push(record);
    const { sigma } = await estimateSigma(input, { operator });
    expect(records).toMatchObject([{ status: 'done', record: { sigma, sigmaEstimated: true } }]);
    expect(await runBatch(input, { ...settings, sigma: 'auto' })).toMatchObject({ skipped: 1, restored: 0 });
    expect(await runBatch(input, { ...settings, sigma: 0.05 })).toMatchObject({ skipped: 0, restored: 1 });
  });

  it('is what the command line does, in words and in JSON', async () => {
    const [input, output] = [join(folder, 'noisy.png'), join(folder, 'restored.png')];
    await run('degrade', SAMPLE, '--task', 'sr:2', '--sigma', '0.05', '-o', input);
    const { sigma } = await estimateSigma(input, { operator });
    const restore = ['restore', input, '--task', 'sr:2', '--model', 'portraits', '--steps', '1', '-o', output];
    expect((await run(...restore)).stdout).toMatch(
      new RegExp(`restored\\.png: 128 × 128, [\\d.]+ s, noise ${sigma.toPrecision(2)} \\(estimated\\)\n$`),
    );
    expect(JSON.parse((await run(...restore, '--sigma', 'auto', '--json')).stdout)).toMatchObject({
      record: { sigma, sigmaEstimated: true },
    });
    expect(JSON.parse((await run(...restore, '--sigma', '0.05', '--json')).stdout)).toMatchObject({
      record: { sigma: 0.05, sigmaEstimated: false },
    });
  });
});
