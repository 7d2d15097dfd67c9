import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type BatchEvent,
  type BatchOptions,
  type BatchSummary,
  degrade,
  Embedding,
  type ImageRecord,
  Latino,
  readImage,
  readJournals,
  runBatch,
  superResolution,
} from '../../src/index.js';
import { portraits } from '../support/cli.js';
import { DEVICE } from '../support/device.js';
import { withCode } from '../support/errors.js';

// What is asked of a batch: what is done stays done, what is left or was changed is done once, and one image's failure is that image's.

const operator = superResolution({ factor: 8 });
const common = { operator, sigma: 0.01, steps: 1, model: { model: 'portraits', device: DEVICE } };
const NAMES = ['00', '01', '02', '03', '04', '05'];

let measured: Map<string, Buffer>;
let folder: string;
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  measured = new Map();
  for (const name of NAMES) {
    const small = await degrade(join(portraits, 'samples', `${name}.png`), { operator, sigma: 0.01 });
    measured.set(name, await small.toBuffer());
  }
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'latino-batch-'));
  mkdirSync(at('in/sub'), { recursive: true });
  for (const [k, name] of NAMES.entries()) writeFileSync(at(k < 4 ? `in/${name}.png` : `in/sub/${name}.png`), measured.get(name)!);
});
afterEach(() => rmSync(folder, { recursive: true }));

interface Run {
  readonly summary: BatchSummary;
  /** Outputs of the images that were restored or have failed, in the order of their names. */
  readonly done: readonly string[];
  readonly events: readonly BatchEvent[];
}

async function run(more: Partial<BatchOptions> = {}, inputs: string | readonly string[] = at('in')): Promise<Run> {
  const events: BatchEvent[] = [];
  const summary = await runBatch(inputs, { ...common, out: at('out'), ...more, onEvent: (event) => events.push(event) });
  const done = events.flatMap((event) => (event.event === 'image' ? [event.output] : []));
  return { summary, done: done.sort(), events };
}
const outputs = (): string[] =>
  readdirSync(at('out'), { recursive: true })
    .map(String)
    .filter((name) => /\.(png|jpg|webp|tif)$/.test(name))
    .sort();
async function records(): Promise<Map<string, ImageRecord>> {
  const found = new Map<string, ImageRecord>();
  for await (const record of readJournals(at('out'))) if (record.kind === 'image') found.set(record.output, record);
  return found;
}
const ALL = ['00.png', '01.png', '02.png', '03.png', 'sub/04.png', 'sub/05.png'];

describe('a batch', () => {
  it('restores a folder as restore does, and does it once', async () => {
    const first = await run();
    expect(first.summary).toMatchObject({ total: 6, restored: 6, skipped: 0, failed: 0, left: 0, device: DEVICE });
    expect(outputs()).toEqual(ALL);
    await using latino = await Latino.load({ model: 'portraits', device: DEVICE });
    const alone = await latino.restore(at('in/sub/04.png'), { operator, sigma: 0.01, steps: 1 });
    expect(readFileSync(at('out/sub/04.png')).equals(await alone.toBuffer())).toBe(true);

    const again = await run();
    expect(again.summary).toMatchObject({ restored: 0, skipped: 6, device: undefined });
    expect(again.done).toEqual([]);
    expect(again.events[0]).toEqual({ event: 'run', total: 6, left: 0 });
  });

  it('does again exactly what has changed: an input, an option, an output that is gone', async () => {
    await run();
    utimesSync(at('in/00.png'), 1, 1); // the same bytes
    writeFileSync(at('in/01.png'), measured.get('05')!);
    rmSync(at('out/sub/05.png'));
    writeFileSync(at('in/06.png'), measured.get('00')!);
    expect((await run()).done).toEqual(['01.png', '06.png', 'sub/05.png']);
    expect((await run({ seed: 0, stepRule: 'auto', bitDepth: 8 })).done).toEqual([]); // the defaults
    expect((await run({ sigma: 0.02 })).done).toHaveLength(7);
    // The file is of the last run, so that going back is a change too.
    expect((await run()).done).toHaveLength(7);
  });

  it('writes down what an image cannot be restored for, and tries it again when asked or when it has changed', async () => {
    writeFileSync(at('in/02.png'), 'no picture');
    writeFileSync(at('in/03.png'), '');
    const first = await run();
    expect(first.summary).toMatchObject({ restored: 4, failed: 2, left: 0 });
    expect(first.summary.failures.map(({ input }) => input)).toEqual([at('in/02.png'), at('in/03.png')]);
    const error = { code: 'ERR_LATINO_IMAGE', message: expect.stringMatching(/cannot decode .+02\.png/) };
    expect((await records()).get('02.png')).toMatchObject({ status: 'failed', error });

    const second = await run();
    expect(second.done).toEqual([]);
    expect(second.summary).toMatchObject({ skipped: 4, failed: 2 });
    expect(second.summary.failures[0]).toEqual(first.summary.failures[0]);
    expect((await run({ retryFailed: true })).done).toEqual(['02.png', '03.png']);
    writeFileSync(at('in/02.png'), measured.get('02')!);
    expect(await run()).toMatchObject({ done: ['02.png'], summary: { restored: 1, failed: 1 } });
  });

  it('takes its own options for an image from a manifest', async () => {
    mkdirSync(at('lists'));
    writeFileSync(at('lists/k.png'), measured.get('00')!);
    const lines = [
      { input: '../in/00.png', seed: 7 },
      { input: '../in/01.png', output: 'deep/er/one.webp', sigma: 0.03, steps: 2, prompt: 'a portrait of a person with round glasses' },
      { input: '../in/02.png', operator: 'sr:4', reference: 'k.png' },
      { input: '../in/03.png', embedding: 'c.safetensors' },
      { input: '../in/00.png', output: 'in/00.png' },
      { input: 'nowhere.png' },
      'not a line',
    ];
    const text = (line: unknown): string => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`;
    writeFileSync(at('lists/list.jsonl'), lines.map(text).join(''));
    await using latino = await Latino.load({ model: 'portraits', device: DEVICE });
    const embedding = await latino.calibrate([at('in/03.png')], { operator, sigma: 0.01, settings: { passes: 1 } });
    await embedding.save(at('lists/c.safetensors'));

    const { summary } = await run({}, at('lists/list.jsonl'));
    expect(summary).toMatchObject({ total: 7, restored: 4, failed: 3 });
    expect(summary.failures.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^Expected an output of its own for .+00\.png but another image has in\/00\.png$/),
      expect.stringMatching(/^Expected a line of JSON at .+list\.jsonl:7 but received not a line$/),
      expect.stringMatching(/^Expected an image file but cannot read .+nowhere\.png: there is no such file$/),
    ]);
    const options = { operator, sigma: 0.01, steps: 1 };
    const expected = {
      'in/00.png': await (await latino.restore(at('in/00.png'), { ...options, seed: 7 })).toBuffer(),
      'deep/er/one.webp': await (
        await latino.restore(at('in/01.png'), { operator, sigma: 0.03, steps: 2, prompt: 'a portrait of a person with round glasses' })
      ).toBuffer('webp'),
      'in/02.png': await (await latino.restore(at('in/02.png'), { ...options, operator: superResolution({ factor: 4 }) })).toBuffer(),
      'in/03.png': await (await latino.restore(at('in/03.png'), { ...options, embedding })).toBuffer(),
    };
    for (const [name, bytes] of Object.entries(expected)) expect(readFileSync(at(`out/${name}`)).equals(bytes), name).toBe(true);
    // The reference is of another size.
    expect((await records()).get('in/02.png')).toMatchObject({
      seed: 0,
      warnings: expect.arrayContaining([expect.stringMatching(/^Expected two images of one size/)]),
    });
    expect((await records()).get('in/00.png')).toMatchObject({ seed: 7 });

    // One line changes: one image is restored.
    writeFileSync(at('lists/list.jsonl'), lines.map((line, k) => text(k === 2 ? { ...(line as object), seed: 1 } : line)).join(''));
    expect((await run({}, at('lists/list.jsonl'))).done).toEqual(['in/02.png']);
  });

  it('holds results against a folder of references', async () => {
    await run({ reference: join(portraits, 'samples'), steps: 8, limit: 1 });
    const { metrics } = (await records()).get('00.png')!;
    expect(metrics!.psnr).toBeGreaterThan(22);
    expect(metrics!.ssim).toBeGreaterThan(0.7);
    await run({ reference: at('out'), limit: 1, seed: 1 });
    expect((await records()).get('00.png')!.metrics).toEqual({ psnr: null, ssim: expect.closeTo(1, 9) });
  });

  it('does no more than the limit, and nothing in a rehearsal', async () => {
    const rehearsal = await run({ dryRun: true });
    expect(rehearsal.events.flatMap((event) => (event.event === 'planned' ? [event.output] : []))).toEqual(ALL);
    expect(readdirSync(folder)).toEqual(['in']);
    expect((await run({ limit: 2 })).summary).toMatchObject({ total: 6, restored: 2, left: 4 });
    expect((await run({ dryRun: true })).summary).toMatchObject({ skipped: 2, left: 4 });
    expect((await run({ limit: 3 })).done).toHaveLength(3);
    expect((await run()).done).toHaveLength(1);
  });

  it('is divided into shares that together do all of it, once', async () => {
    const shares = await Promise.all([1, 2, 3].map((i) => run({ shard: `${i}/3` })));
    expect(shares.flatMap(({ done }) => done).sort()).toEqual(ALL);
    expect(readdirSync(at('out')).filter((name) => name.endsWith('.jsonl'))).toHaveLength(3);
    // What shares have done is done for all, however they divide.
    expect((await run()).done).toEqual([]);
    expect((await run({ shard: '2/2' })).done).toEqual([]);
  });

  it('calibrates one embedding on a sample, which all images and later runs share', async () => {
    writeFileSync(at('in/00.png'), 'no picture'); // left out of the sample
    const first = await run({ calibrateOn: 2, calibration: { passes: 1 }, limit: 3 });
    const passes = first.events.filter(({ event }) => event === 'calibration');
    expect(passes.length).toBeGreaterThan(0);
    const name = readdirSync(at('out')).find((each) => each.endsWith('.safetensors'))!;
    const embedding = await Embedding.load(at(`out/${name}`));
    await using latino = await Latino.load({ model: 'portraits', device: DEVICE });
    const alone = await latino.restore(at('in/01.png'), { operator, sigma: 0.01, steps: 1, embedding });
    expect(readFileSync(at('out/01.png')).equals(await alone.toBuffer())).toBe(true);
    const second = await run({ calibrateOn: 2, calibration: { passes: 1 } });
    expect(second.events.some(({ event }) => event === 'calibration')).toBe(false);
    expect(second.summary).toMatchObject({ restored: 3, skipped: 2, failed: 1 });
    expect((await run({ calibrateOn: 2, calibration: { passes: 1 }, dryRun: true })).summary).toMatchObject({ skipped: 5, left: 0 });
    expect((await run({ calibrateOn: 3, dryRun: true })).summary).toMatchObject({ skipped: 0 });
  });

  it('writes the format and depth that is asked for', async () => {
    await run({ format: 'tif', bitDepth: 16, limit: 1 });
    expect(outputs()).toEqual(['00.tif']);
    expect((await readImage(at('out/00.tif'))).width).toBe(128);
    expect((await run({ format: 'jpg', bitDepth: 16, limit: 1 })).summary.failures[0]).toMatchObject({ code: 'ERR_LATINO_OUTPUT' });
  });

  it('removes what a killed process had begun to write, and a line that it had not finished', async () => {
    await run({ limit: 2 });
    mkdirSync(at('out/.latino-batch.tmp'));
    writeFileSync(at('out/.latino-batch.tmp/.00.png.1234.tmp'), 'half a file');
    appendFileSync(at('out/latino-batch.jsonl'), '{"kind":"image","id":"123');
    expect((await run()).done).toHaveLength(4);
    expect(readdirSync(at('out'))).toEqual([...ALL.slice(0, 4), 'latino-batch.jsonl', 'sub']);
    expect((await records()).size).toBe(6);
  });

  it('stops when it is told to, and goes on from there', async () => {
    const controller = new AbortController();
    const reason = new Error('no longer wanted');
    const onEvent = ({ event }: BatchEvent): void => {
      if (event === 'image') controller.abort(reason);
    };
    const stopped = runBatch(at('in'), { ...common, out: at('out'), together: 1, signal: controller.signal, onEvent });
    await expect(stopped).rejects.toBe(reason);
    const before = await records();
    expect(before.size).toBeLessThan(6);
    expect(outputs()).toEqual([...before.keys()].sort());
    const { done } = await run();
    expect([...before.keys(), ...done].sort()).toEqual(ALL);
  });

  it('refuses at once what is wrong with all of it', async () => {
    const cases: [Partial<BatchOptions>, string | undefined, unknown][] = [
      [{ sigma: 7 }, undefined, withCode('ARGUMENT', /sigma/)],
      [{ shard: '3/2' }, undefined, withCode('ARGUMENT', /share i\/n with i from 1 to n but received 3\/2/)],
      [{ calibrateOn: 2, calibrate: true }, undefined, withCode('ARGUMENT', /received both/)],
      [{ model: { model: at('in') } }, undefined, withCode('MODEL')],
      [{ out: at('in') }, undefined, withCode('ARGUMENT', /beside the inputs/)],
      [{ out: at('in/00.png') }, undefined, withCode('OUTPUT')],
      [{}, at('nothing'), withCode('ARGUMENT', /there is no .+nothing/)],
      [{}, at('in/*.gif'), withCode('ARGUMENT', /at least one image but there is none in .+in\/\*\.gif/)],
    ];
    for (const [more, input, error] of cases) await expect(run(more, input), JSON.stringify(more)).rejects.toEqual(error);
    copyFileSync(at('in/00.png'), at('00.png'));
    const own = await run({ out: folder }, at('00.png'));
    expect(own.summary.failures[0]!.message).toMatch(/would be overwritten/);
  });
});
