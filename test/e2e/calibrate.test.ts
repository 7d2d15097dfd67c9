import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type CalibrationPass,
  Embedding,
  gaussianBlur,
  type Image,
  Latino,
  type Progress,
  superResolution,
  type Warning,
} from '../../src/index.js';
import { portraits } from '../support/cli.js';
import { DEVICE } from '../support/device.js';

const sample = (name: string): string => join(portraits, `samples/${name}.png`);
const task = { operator: superResolution({ factor: 8 }), sigma: 0.01 };
/** Few and short passes: the loop itself is held to the peers' trace in test/golden. */
const brief = { passes: 2, timesteps: [999, 249] } as const;
const GRADIENTS_PER_PASS = brief.timesteps.length - 1;
const run = { ...task, prompt: 'a portrait of a person', steps: 3, seed: 4 };

const folder = mkdtempSync(join(tmpdir(), 'latino-calibrate-'));
let latino: Latino;
let measurements: Image[];
/** c0, by a calibration whose steps are too small to move it. */
let prompted: Embedding;

beforeAll(async () => {
  latino = await Latino.load({ model: 'portraits', device: DEVICE });
  measurements = [];
  for (const name of ['00', '03']) measurements.push((await latino.degrade(sample(name), task)).image);
  const still = { passes: 1, timesteps: [999, 249], stepSize: 1e-30 };
  prompted = await latino.calibrate([measurements[0]!], { ...task, prompt: run.prompt, settings: still });
});
afterAll(async () => {
  await latino.dispose();
  rmSync(folder, { recursive: true });
});

/** |c - c0| of each token. */
function moved(embedding: Embedding): number[] {
  const { tokens, channels } = embedding;
  return Array.from({ length: tokens }, (_, token) =>
    Math.hypot(
      ...embedding.data.subarray(token * channels, (token + 1) * channels).map((value, i) => value - prompted.data[token * channels + i]!),
    ),
  );
}

describe('restore with calibrate', () => {
  it('gives the image that its embedding gives again, from memory and from a file', async () => {
    const calibrated = await latino.restore(measurements[0]!, { ...run, calibrate: brief });
    const embedding = calibrated.embedding!;
    expect(embedding.source).toMatchObject({ prompt: run.prompt, model: 'UNet2DConditionModel' });
    await embedding.save(join(folder, 'c.safetensors'));
    const loaded = await Embedding.load(join(folder, 'c.safetensors'));
    expect(loaded).toEqual(embedding);
    const again = await latino.restore(measurements[0]!, { ...run, prompt: undefined, embedding: loaded });
    expect(again.image.data).toEqual(calibrated.image.data);
    expect(again.embedding).toBeUndefined();
    const plain = await latino.restore(measurements[0]!, run);
    expect(plain.image.data).not.toEqual(calibrated.image.data);
  });

  it('moves the free tokens within the ball and leaves the frozen ones', async () => {
    const passes: CalibrationPass[] = [];
    const { embedding } = await latino.restore(measurements[0]!, {
      ...run,
      calibrate: { ...brief, radius: 0.5, frozenTokens: 3 },
      onProgress: ({ calibration }) => calibration && passes.push(calibration),
    });
    const distances = moved(embedding!);
    expect(distances.slice(0, 3)).toEqual([0, 0, 0]);
    expect(Math.max(...distances)).toBeLessThan(0.5 * (1 + 1e-4));
    const distance = Math.hypot(...distances);
    expect(passes.map(({ pass, passes }) => [pass, passes])).toEqual([
      [1, 2],
      [2, 2],
    ]);
    expect(passes[1]!.distance).toBeCloseTo(distance, 3);
    for (const { surrogate, distance } of passes) {
      expect(surrogate).toBeLessThan(0);
      expect(distance).toBeGreaterThan(0);
      expect(distance).toBeLessThanOrEqual(0.5 * Math.sqrt(prompted.tokens));
    }
  });

  it('reports its passes before the steps', async () => {
    const seen: string[] = [];
    const onProgress = ({ step, steps, calibration }: Progress) => seen.push(`${step}/${steps} ${calibration?.pass ?? '-'}`);
    await latino.restore(measurements[0]!, { ...run, steps: 2, calibrate: brief, onProgress });
    expect(seen).toEqual(['0/2 1', '0/2 2', '1/2 -', '2/2 -']);
  });

  it('starts from an embedding where one is given', async () => {
    const { tokens, channels, shape, data } = prompted;
    const away = new Embedding(
      data.map((value, i) => value + (i >= channels ? 0.1 : 0)),
      shape,
      { prompt: 'elsewhere' },
    );
    const calibrate = { ...brief, radius: 1e-3, frozenTokens: tokens - 1 };
    const { embedding } = await latino.restore(measurements[0]!, { ...run, embedding: away, calibrate });
    expect(embedding!.data.subarray(0, (tokens - 1) * channels)).toEqual(away.data.subarray(0, (tokens - 1) * channels));
    expect(embedding!.data).not.toEqual(away.data);
    expect(embedding!.source.prompt).toBe('elsewhere');
  });

  it('does nothing more than LATINO when it is false', async () => {
    const [plain, off] = await Promise.all([undefined, false].map((calibrate) => latino.restore(measurements[0]!, { ...run, calibrate })));
    expect(off!.image.data).toEqual(plain!.image.data);
    expect(off!.embedding).toBeUndefined();
  });
});

describe('calibrate', () => {
  const settings = brief;

  it('gives the same embedding for the same seed, side by side too, and that of restore', async () => {
    const [y] = measurements as [Image, Image];
    const options = { ...task, prompt: run.prompt, settings, seed: 4 };
    const first = await latino.calibrate([y], options);
    const [again, other, restored] = await Promise.all([
      latino.calibrate([y], options),
      latino.calibrate([y], { ...options, seed: 5 }),
      latino.restore(y, { ...run, calibrate: brief }),
    ]);
    expect(again.data).toEqual(first.data);
    expect(other.data).not.toEqual(first.data);
    expect(restored.embedding!.data).toEqual(first.data);
  });

  it('takes all the measurements into account', async () => {
    const options = { ...task, settings, seed: 4 };
    const both = await latino.calibrate(measurements, options);
    for (const y of measurements) expect((await latino.calibrate([y], options)).data).not.toEqual(both.data);
    expect(both.shape).toEqual(prompted.shape);
  });

  it('takes measurements of several sizes', async () => {
    const wide = { width: 24, height: 16, channels: 3 as const, data: new Float32Array(3 * 24 * 16) };
    const embedding = await latino.calibrate([measurements[0]!, wide], { ...task, settings: { ...brief, passes: 1 } });
    expect(Math.hypot(...moved(embedding))).toBeGreaterThan(0);
  });
});

it('says what is doubtful about measurements as a restoration does', async () => {
  const side = 64;
  const ramp: Image = {
    data: Float32Array.from({ length: 3 * side * side }, (_, i) => (i % side) / side),
    width: side,
    height: side,
    channels: 3,
  };
  const options = { operator: gaussianBlur({ sigma: 2 }), sigma: 0.01 };
  const warningsOf = async (use: (onWarning: (warning: Warning) => void) => Promise<unknown>): Promise<string[]> => {
    const warnings: Warning[] = [];
    await use((warning) => warnings.push(warning));
    return warnings.map(({ code }) => code).sort();
  };
  const calibrating = await warningsOf((onWarning) => latino.calibrate([ramp], { ...options, settings: brief, onWarning }));
  expect(calibrating).toContain('WARN_LATINO_BORDER');
  expect(calibrating).toEqual(await warningsOf((onWarning) => latino.restore(ramp, { ...options, steps: 1, onWarning })));
});

describe('what calibration costs', () => {
  it('copies y up, the image and the embedding down, and nothing else unless progress is asked for', async () => {
    const used = async (options: Partial<Parameters<Latino['restore']>[1]>) => {
      const before = latino.transfers;
      await latino.restore(measurements[0]!, { ...run, ...options });
      const after = latino.transfers;
      return {
        uploads: after.uploads - before.uploads,
        downloads: after.downloads - before.downloads,
        downloadBytes: after.downloadBytes - before.downloadBytes,
      };
    };
    const image = 3 * 128 * 128 * 4;
    const c = prompted.data.byteLength;
    expect(await used({ calibrate: brief })).toEqual({ uploads: 1, downloads: 2, downloadBytes: image + c });
    expect(await used({ calibrate: brief, embedding: prompted })).toEqual({ uploads: 2, downloads: 2, downloadBytes: image + c });
    const numbers = brief.passes * (GRADIENTS_PER_PASS + 1);
    expect(await used({ calibrate: brief, onProgress: () => undefined })).toEqual({
      uploads: 1,
      downloads: 2 + numbers,
      downloadBytes: image + c + 4 * numbers,
    });
  });

  it('stops in the middle when aborted and gives its memory back', async () => {
    await latino.restore(measurements[0]!, { ...run, calibrate: brief });
    await latino.device.synchronize();
    const { inUse } = latino.device.memory;
    const many = { ...brief, passes: 1000 };
    for (const when of [1, 2]) {
      const controller = new AbortController();
      const { signal } = controller;
      const stop = ({ pass }: CalibrationPass) => pass === when && controller.abort();
      const runs = [
        latino.restore(measurements[0]!, {
          ...run,
          calibrate: many,
          signal,
          onProgress: ({ calibration }) => calibration && stop(calibration),
        }),
        latino.calibrate(measurements, { ...task, settings: many, signal }),
      ];
      for (const { status, reason } of (await Promise.allSettled(runs)) as PromiseRejectedResult[])
        expect({ status, reason }).toEqual({ status: 'rejected', reason: expect.objectContaining({ name: 'AbortError' }) });
      await latino.device.synchronize();
      expect(latino.device.memory.inUse).toBe(inUse);
    }
  });

  it('gives its memory back when a callback throws', async () => {
    await latino.device.synchronize();
    const { inUse } = latino.device.memory;
    const onProgress = () => {
      throw new Error('enough');
    };
    await expect(latino.calibrate(measurements, { ...task, settings: brief, onProgress })).rejects.toThrow('enough');
    await latino.device.synchronize();
    expect(latino.device.memory.inUse).toBe(inUse);
  });
});

describe('bad input', () => {
  it.each<[string, object, RegExp]>([
    ['a preset', { preset: 'fast' }, /Expected best or official for preset but received 'fast'/],
    ['a name', { iterations: 3 }, /Expected passes, .+ in settings of the calibration but received iterations/],
    ['no pass', { passes: 0 }, /Expected an integer from 1 to 1000 for passes but received 0/],
    ['passes of type string', { passes: '3' }, /passes but received '3'/],
    ['half a pass', { passes: 1.5 }, /passes but received 1.5/],
    ['one timestep', { timesteps: [999] }, /at least two decreasing integers from 999 to 0 for timesteps/],
    ['rising timesteps', { timesteps: [249, 999] }, /at least two decreasing integers from 999 to 0 for timesteps/],
    ['a timestep of 1000', { timesteps: [1000, 249] }, /timesteps\[0\] but received 1000/],
    ['a repeated timestep', { timesteps: [999, 999] }, /timesteps but/],
    ['a gradient', { gradient: 'exact' }, /Expected conditional or official for gradient but received 'exact'/],
    ['a norm', { normalize: 'none' }, /Expected token or image for normalize/],
    ['a scale of 0', { gradientScale: 0 }, /a number above 0 for gradientScale but received 0/],
    ['momentum', { momentum: 2 }, /Expected a number from 0 to 1 for momentum but received 2/],
    ['a step of NaN', { stepSize: Number.NaN }, /stepSize but received NaN/],
    ['an endless step', { stepSize: Number.POSITIVE_INFINITY }, /stepSize but received Infinity/],
    ['a decay above 1', { decay: 1.1 }, /Expected a number in \(0, 1\] for decay but received 1.1/],
    ['a negative decayAfter', { decayAfter: -1 }, /decayAfter but received -1/],
    ['a negative radius', { radius: -1 }, /radius but received -1/],
    ['all tokens frozen', { frozenTokens: 48 }, /Expected an integer from 0 to 47 for frozenTokens but received 48/],
    ['a list', ['best'], /Expected an object for settings of the calibration but received an array of 1/],
  ])('is refused: %s', async (_what, settings, message) => {
    const bad = { code: 'ERR_LATINO_ARGUMENT', message: expect.stringMatching(message) };
    await expect(latino.restore(measurements[0]!, { ...run, calibrate: settings })).rejects.toThrow(expect.objectContaining(bad));
    await expect(latino.calibrate(measurements, { ...task, settings })).rejects.toThrow(expect.objectContaining(bad));
  });

  it('is not what an undefined setting is: it counts as not given', async () => {
    const calibrate = { ...brief, preset: undefined, passes: 1, radius: undefined };
    await expect(latino.restore(measurements[0]!, { ...run, steps: 1, calibrate })).resolves.toBeDefined();
  });

  it('is refused: an embedding that is not of this model, or none', async () => {
    const { shape, data } = prompted;
    const [, tokens, channels] = shape;
    const fits = (embedding: unknown) => latino.restore(measurements[0]!, { ...run, embedding: embedding as Embedding });
    const other = new Embedding(new Float32Array(77 * 768), [1, 77, 768]);
    const code = { code: 'ERR_LATINO_EMBEDDING', message: expect.stringContaining(`[1, 77, 768], expected [1, ${tokens}, ${channels}]`) };
    await expect(fits(other)).rejects.toThrow(expect.objectContaining(code));
    const spoilt = new Embedding(data.slice(), shape);
    spoilt.data[5] = Number.NaN;
    await expect(fits(spoilt)).rejects.toThrow(expect.objectContaining({ code: 'ERR_LATINO_EMBEDDING' }));
    await expect(fits('c.safetensors')).rejects.toThrow(expect.objectContaining({ code: 'ERR_LATINO_ARGUMENT' }));
    await expect(fits({ shape, data })).rejects.toThrow(expect.objectContaining({ code: 'ERR_LATINO_ARGUMENT' }));
  });

  it('is refused: no measurement, or one that is not in a list', async () => {
    const refused = expect.objectContaining({ code: 'ERR_LATINO_ARGUMENT', message: expect.stringContaining('at least one measurement') });
    await expect(latino.calibrate([], task)).rejects.toThrow(refused);
    await expect(latino.calibrate(sample('00') as unknown as [], task)).rejects.toThrow(refused);
  });
});
