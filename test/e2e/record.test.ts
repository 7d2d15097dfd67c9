import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  convolution,
  degrade,
  Embedding,
  type Image,
  Latino,
  parseOperator,
  type RestoreOptions,
  superResolution,
} from '../../src/index.js';
import { packageVersion } from '../../src/package_version.js';
import { portraits, run } from '../support/cli.js';

// What a restoration says of itself.

const folder = mkdtempSync(join(tmpdir(), 'latino-record-'));
const at = (name: string): string => join(folder, name);
const operator = superResolution({ factor: 8 });
const options = { operator, sigma: 0.02, steps: 2, prompt: 'a portrait of a person', seed: 3 };
let latino: Latino;
const small: Image[] = [];

beforeAll(async () => {
  latino = await Latino.load({ model: 'portraits' });
  for (const name of ['00', '01']) small.push((await degrade(join(portraits, 'samples', `${name}.png`), { operator, sigma: 0.02 })).image);
});
afterAll(async () => {
  await latino.dispose();
  rmSync(folder, { recursive: true });
});

const recordOf = async (more: Partial<RestoreOptions> = {}) => (await latino.restore(small[0]!, { ...options, ...more })).record;

describe('the record of a restoration', () => {
  it('is plain, with the defaults filled in', async () => {
    const { record } = await latino.restore(small[0]!, { operator, sigma: 0.02 });
    expect(JSON.parse(JSON.stringify(record))).toEqual(record);
    expect(record).toEqual({
      package: packageVersion,
      model: 'portraits',
      device: latino.device.name,
      operator: 'sr:8',
      sigma: 0.02,
      prompt: 'a portrait of a person',
      seed: 0,
      steps: 8,
      timesteps: expect.any(Array),
      stepRule: 'auto',
      start: 'regularised',
      result: 'decoded',
      seconds: expect.any(Number),
      warnings: [],
    });
    expect(record.timesteps).toEqual([...record.timesteps].sort((a, b) => b - a));
    expect(record.timesteps).toHaveLength(8);
  });

  it('is enough to do the same again', async () => {
    const first = await latino.restore(small[0]!, { ...options, stepRule: 'discrepancy', start: 'official' });
    const { operator: spelling, sigma, prompt, seed, steps, stepRule, start, result } = first.record;
    const again = await latino.restore(small[0]!, {
      operator: await parseOperator(spelling),
      ...{ sigma, prompt, seed, steps, stepRule, start, result },
    });
    expect(again.image.data).toEqual(first.image.data);
  });

  it('says where an embedding comes from, and how it was calibrated', async () => {
    const calibrate = { passes: 1, timesteps: [999, 499] };
    const { record, embedding } = await latino.restore(small[0]!, { ...options, prompt: 'somebody', calibrate });
    expect(record).toMatchObject({ prompt: 'somebody', calibration: { passes: 1, timesteps: [999, 499], gradient: 'conditional' } });
    expect(record.embedding).toBeUndefined();
    expect(await recordOf({ embedding })).toMatchObject({ prompt: 'somebody', embedding: { prompt: 'somebody' } });
    const anonymous = new Embedding(embedding!.data, embedding!.shape);
    expect((await recordOf({ embedding: anonymous })).embedding).toEqual({});
  });

  it('has the warnings and the kind of result of its own image, in a batch too', async () => {
    const grey: Image = { ...small[0]!, data: small[0]!.data.map((_, i) => (i % 2 === 0 ? 0.9 : -0.9)) };
    const both = await latino.restoreBatch([{ input: small[0]!, seed: 4 }, { input: grey }], {
      ...{ ...options, steps: 8 },
      onWarning: () => undefined,
    });
    expect(both.map(({ record }) => [record.seed, record.result, record.warnings.map(({ code }) => code)])).toEqual([
      [4, 'decoded', []],
      [3, 'proximal', ['WARN_LATINO_UNKNOWN_IMAGE']],
    ]);
    const other = await latino.restore({ ...grey, width: 8, height: 32 }, { ...options, result: 'decoded', onWarning: () => undefined });
    expect(other.record).toMatchObject({ result: 'decoded', warnings: [{ code: 'WARN_LATINO_UNKNOWN_IMAGE' }] });
  });

  it('names operators that have no spelling', async () => {
    const blur = convolution({ taps: { height: 1, width: 3, values: [0.25, 0.5, 0.25] } });
    expect((await recordOf({ operator: blur, onWarning: () => undefined })).operator).toBe('deblur:kernel:3x1');
  });
});

describe('gammas', () => {
  it('are those of the steps, in one download when all are done', async () => {
    await recordOf();
    const { downloads, downloadBytes } = latino.transfers;
    const gammas = (await recordOf({ gammas: true, result: 'decoded' })).gammas!;
    expect(latino.transfers.downloads - downloads).toBe(2);
    expect(latino.transfers.downloadBytes - downloadBytes).toBe((3 * 128 * 128 + 2) * 4);
    expect(gammas).toHaveLength(2);
    for (const gamma of gammas) expect(gamma).toBeGreaterThan(0);
    expect((await recordOf()).gammas).toBeUndefined();
  });

  it('are of each image of a batch its own', async () => {
    const inputs = [{ input: small[0]! }, { input: small[1]!, sigma: 0.1 }];
    const both = await latino.restoreBatch(inputs, { ...options, gammas: true });
    for (const [k, { input, sigma = options.sigma }] of inputs.entries()) {
      const alone = await latino.restore(input, { ...options, sigma, gammas: true });
      for (const [step, gamma] of alone.record.gammas!.entries()) expect(both[k]!.record.gammas![step]! / gamma).toBeCloseTo(1, 5);
    }
    expect(both[0]!.record.gammas).not.toEqual(both[1]!.record.gammas);
  });

  it('of a constant delta need no download', async () => {
    const { downloads } = latino.transfers;
    const { gammas, timesteps } = await recordOf({ gammas: true, stepRule: 0.1, result: 'decoded' });
    expect(latino.transfers.downloads - downloads).toBe(1);
    expect(gammas).toHaveLength(timesteps.length);
    const sigmas = [0.02, 0.04];
    const both = await latino.restoreBatch(
      sigmas.map((sigma) => ({ input: small[0]!, sigma })),
      { ...options, gammas: true, stepRule: 0.1 },
    );
    const [one, other] = both.map(({ record }) => record.gammas!);
    expect(one![0]! / other![0]!).toBeCloseTo(4, 4);
    expect(one![0]! / gammas![0]!).toBeCloseTo(1, 4);
  });

  it('leave no memory behind', async () => {
    await recordOf({ gammas: true });
    await latino.device.synchronize();
    const { inUse } = latino.device.memory;
    await recordOf({ gammas: true });
    const controller = new AbortController();
    const stopped = recordOf({ gammas: true, steps: 20, signal: controller.signal, onProgress: () => controller.abort() });
    await expect(stopped).rejects.toThrow(/abort/i);
    await latino.device.synchronize();
    expect(latino.device.memory.inUse).toBeLessThanOrEqual(inUse);
  });
});

describe('the command line', () => {
  it('prints the record, and the journal of a batch has it', async () => {
    await run('degrade', join(portraits, 'samples/00.png'), '--task', 'sr:8', '--sigma', '0.02', '-o', at('small.png'));
    const flags = ['--model', 'portraits', '--task', 'sr:8', '--sigma', '0.02', '--steps', '2', '--seed', '3', '--json'];
    const restored = await run('restore', at('small.png'), ...flags, '-o', at('restored.png'));
    const { record } = JSON.parse(restored.stdout) as { record: { gammas: number[] } };
    expect(record).toMatchObject({ model: 'portraits', operator: 'sr:8', sigma: 0.02, seed: 3, steps: 2, result: 'decoded' });
    expect(record.gammas).toHaveLength(2);
    expect((await run('batch', at('small.png'), ...flags, '--out', at('out'))).status).toBe(0);
    const line = readFileSync(at('out/latino-batch.jsonl'), 'utf8').trim().split('\n').at(-1)!;
    const { gammas, operator: task } = (JSON.parse(line) as { record: { gammas: number[]; operator: string } }).record;
    expect({ gammas, task }).toEqual({ gammas: record.gammas, task: 'sr:8' });
  });
});
