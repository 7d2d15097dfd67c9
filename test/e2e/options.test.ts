import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { denoising, Embedding, type Image, Latino, LatinoError, superResolution, type Warning } from '../../src/index.js';
import { portraits } from '../support/cli.js';
import { DEVICE } from '../support/device.js';
import { withCode } from '../support/errors.js';

const sample = join(portraits, 'samples/00.png');
const sr8 = { operator: superResolution({ factor: 8 }), sigma: 0.01 };
const folder = mkdtempSync(join(tmpdir(), 'latino-options-'));
let latino: Latino;
let small: Image;

beforeAll(async () => {
  latino = await Latino.load({ model: 'portraits', device: DEVICE });
  small = (await latino.degrade(sample, sr8)).image;
});
afterAll(async () => {
  await latino.dispose();
  rmSync(folder, { recursive: true });
});
afterEach(() => vi.restoreAllMocks());

/** Options that no type checker has seen. */
const restore = (options: object): Promise<unknown> => latino.restore(small, { ...sr8, ...options } as never);

describe('options', () => {
  it.each([
    [{ promt: 'a cat' }, /promt.*prompt/],
    [{ prompt: 42 }, /a string for prompt but received 42/],
    [{ sigma: '0.01' }, /auto or a number in \(0, 1\] for sigma but received '0.01'/],
    [{ sigma: 0 }, /for sigma but received 0/],
    [{ steps: 1.5 }, /for steps but received 1.5/],
    [{ seed: -1 }, /for seed but received -1/],
    [{ stepRule: 'atuo' }, /auto, discrepancy, official or a positive number for stepRule but received 'atuo'/],
    [{ signal: {} }, /an AbortSignal for signal/],
    [{ onProgress: 'yes' }, /a function for onProgress/],
    [{ embedding: { data: [] } }, /an Embedding for embedding/],
    [{ result: 'decodd' }, /decoded.*proximal.*result/],
    [{ calibrate: { pases: 3 } }, /pases.*passes/],
    [{ calibrate: 'bset' }, /best.*official/],
  ])('%o are refused in one sentence', async (options, message) => {
    const failure = await restore(options).catch((error: unknown) => error);
    expect(failure).toEqual(withCode('ARGUMENT', message));
    expect(failure).toBeInstanceOf(LatinoError);
  });

  it.each([
    [{ operator: undefined }, /operator/],
    [{ operator: 'sr:8' }, /sr:8/],
    [{ operator: { kind: 'super-resolution', factor: 8, fliter: 'box' } }, /filter/],
  ])('%o is refused as an operator', async (options, message) => {
    await expect(restore(options)).rejects.toThrow(withCode('OPERATOR', message));
  });

  it('of a load, a calibration and a degradation are checked as strictly', async () => {
    await expect(Latino.load({ modle: 'x' } as never)).rejects.toThrow(withCode('ARGUMENT', /modle.*model/));
    await expect(Latino.load({ device: 'cpu', precision: 'float16' })).rejects.toThrow(
      withCode('ARGUMENT', /float32 for precision on cpu but/),
    );
    await expect(Latino.load({ device: 'gpu' as never })).rejects.toThrow(withCode('ARGUMENT', /auto, cpu or cuda:<index> for device/));
    await expect(latino.calibrate([small], { ...sr8, sedd: 1 } as never)).rejects.toThrow(withCode('ARGUMENT', /sedd.*seed/));
    await expect(latino.degrade(sample, { ...sr8, sigma: 2 })).rejects.toThrow(withCode('ARGUMENT', /sigma/));
  });
});

describe('a batch', () => {
  it('gives each measurement what it would get alone', async () => {
    const [a, b] = [small, (await latino.degrade(join(portraits, 'samples/03.png'), { ...sr8, sigma: 0.05 })).image];
    const own = [
      { input: a, seed: 3 },
      { input: b, seed: 4, sigma: 0.05, prompt: 'a portrait of a person with tan skin' },
    ];
    const options = { ...sr8, steps: 3 };
    for (const stepRule of ['auto', 'discrepancy', 'official', 0.5] as const) {
      const together = await latino.restoreBatch(own, { ...options, stepRule });
      for (const [k, { input, ...rest }] of own.entries()) {
        const alone = (await latino.restore(input, { ...options, stepRule, ...rest })).image.data;
        const error = Math.max(...together[k]!.image.data.map((value, i) => Math.abs(value - alone[i]!)));
        expect(error, `${stepRule}, picture ${k}`).toBeLessThan(1e-5);
      }
    }
  });

  it('is refused when sizes differ, or nothing is there', async () => {
    const other = { width: 8, height: 8, channels: 3 as const, data: new Float32Array(3 * 64) };
    await expect(latino.restoreBatch([{ input: small }, { input: other }], sr8)).rejects.toThrow(withCode('SHAPE', /16 × 16 and 8 × 8/));
    await expect(latino.restoreBatch([], sr8)).rejects.toThrow(withCode('ARGUMENT', /at least one/));
    await expect(latino.restoreBatch([{ input: small, sede: 1 } as never], sr8)).rejects.toThrow(withCode('ARGUMENT', /sede.*seed/));
  });
});

describe('progress', () => {
  it.each([false, true])('that throws stops the restoration and is thrown by it (previews: %s)', async (previews) => {
    const rejections: unknown[] = [];
    const listen = (reason: unknown): number => rejections.push(reason);
    process.on('unhandledRejection', listen);
    const onProgress = ({ step }: { step: number }): void => {
      if (step === 2) throw new Error('of the listener');
    };
    await expect(latino.restore(small, { ...sr8, steps: 6, previews, onProgress })).rejects.toThrow('of the listener');
    await latino.device.synchronize();
    await new Promise(setImmediate);
    process.off('unhandledRejection', listen);
    expect(rejections).toEqual([]);
  });

  it('has no previews downloaded where nobody listens', async () => {
    await latino.restore(small, { ...sr8, steps: 3 });
    const { downloads } = latino.transfers;
    await latino.restore(small, { ...sr8, steps: 3, previews: true });
    expect(latino.transfers.downloads - downloads).toBe(1);
  });
});

describe('results that are not finite', () => {
  it.each([1e-20, 1e-30])('sigma %d is an error, not a black picture', async (sigma) => {
    const outcome = await latino.restore(small, { ...sr8, sigma, steps: 2 }).then(
      ({ image }) => image.data.every(Number.isFinite),
      (error: unknown) => error,
    );
    expect([true, withCode('NUMERIC')]).toContainEqual(outcome);
    await expect(latino.restore(small, { operator: denoising(), sigma, steps: 1 })).rejects.toThrow(/finite|sigma/);
  });
});

describe('models', () => {
  it('by the name of an embedded one are that one, whatever lies in the working directory', async () => {
    mkdirSync(join(folder, 'portraits'));
    writeFileSync(join(folder, 'portraits/model_index.json'), '{"_class_name": "Impostor"}');
    const cwd = vi.spyOn(process, 'cwd').mockReturnValue(folder);
    await using loaded = await Latino.load({ model: 'portraits', device: DEVICE });
    expect((await loaded.restore(small, { ...sr8, seed: 2 })).image.data).toEqual(
      (await latino.restore(small, { ...sr8, seed: 2 })).image.data,
    );
    await expect(Latino.load({ model: './portraits' })).rejects.toThrow(withCode('MODEL'));
    cwd.mockRestore();
  });
});

describe('prompts that are too long', () => {
  const long = 'a portrait of a person with '.concat('long brown hair, '.repeat(40));

  it('are cut with a warning', async () => {
    const warnings: Warning[] = [];
    const onWarning = (warning: Warning): number => warnings.push(warning);
    await latino.restore(small, { ...sr8, steps: 1, prompt: long, onWarning });
    expect(warnings).toEqual([{ code: 'WARN_LATINO_PROMPT_CUT', message: expect.stringMatching(/\d+ tokens more than the 46/) }]);
    await latino.restore(small, { ...sr8, steps: 1, prompt: 'a portrait', onWarning });
    expect(warnings).toHaveLength(1);
  });

  it('are warned of on the process where nobody listens', async () => {
    const emitted = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    await latino.restore(small, { ...sr8, steps: 1, prompt: long });
    expect(emitted).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('tokens'), { code: 'WARN_LATINO_PROMPT_CUT' });
  });
});

describe('embeddings', () => {
  it('of another text encoder of the same width are refused', async () => {
    const own = await latino.calibrate([small], { ...sr8, settings: { passes: 1, timesteps: [999, 249] } });
    expect(own.source.textEncoder).toMatch(/^[0-9a-f]{32}$/);
    await own.save(join(folder, 'own.safetensors'));
    const loaded = await Embedding.load(join(folder, 'own.safetensors'));
    await latino.restore(small, { ...sr8, steps: 1, embedding: loaded });
    const foreign = new Embedding(own.data, own.shape, { ...own.source, textEncoder: '0'.repeat(32) });
    await expect(latino.restore(small, { ...sr8, steps: 1, embedding: foreign })).rejects.toThrow(
      withCode('EMBEDDING', /text encoder 0{32}/),
    );
    const unknown = new Embedding(own.data, own.shape);
    await latino.restore(small, { ...sr8, steps: 1, embedding: unknown });
  });
});
