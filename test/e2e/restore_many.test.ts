import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Image, Latino, type ManyInput, superResolution } from '../../src/index.js';
import { portraits } from '../support/cli.js';
import { DEVICE } from '../support/device.js';
import { withCode } from '../support/errors.js';

const operator = superResolution({ factor: 8 });
const options = { operator, sigma: 0.01, steps: 2 };
const NAMES = ['00', '03', '07', '09', '11'];

let latino: Latino;
let folder: string;
let small: Image[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'latino-many-'));
  latino = await Latino.load({ model: 'portraits', device: DEVICE });
  small = [];
  for (const name of NAMES) {
    const sample = join(portraits, 'samples', `${name}.png`);
    small.push((await latino.degrade(sample, { operator, sigma: options.sigma })).image);
  }
});
afterAll(async () => {
  await latino.dispose();
  rmSync(folder, { recursive: true });
});

async function restored(inputs: readonly ManyInput[], more: object): Promise<Float32Array[]> {
  const images: Float32Array[] = [];
  for await (const result of latino.restoreMany(inputs, { ...options, ...more })) images[result.index] = result.restored!.image.data;
  return images;
}

describe('Latino.restoreMany', () => {
  it('gives what restore gives, bit for bit, however images are grouped', async () => {
    // Each with something of its own, two of them with another size or number of steps.
    const inputs: ManyInput[] = [
      { input: small[0]!, seed: 1 },
      { input: small[1]!, sigma: 0.05 },
      { input: small[2]!, prompt: 'a portrait of a person with round glasses' },
      { input: small[3]!, steps: 3 },
      { input: small[4]!, seed: 2 ** 40 },
      small[0]!,
      { input: small[1]!, operator: superResolution({ factor: 4 }) },
    ];
    const alone: Float32Array[] = [];
    for (const input of inputs) {
      const { input: image, ...own } = 'input' in (input as object) ? (input as { input: Image }) : { input: input as Image };
      alone.push((await latino.restore(image, { ...options, ...own })).image.data);
    }
    for (const more of [{}, { together: 1 }, { together: 3, concurrency: 1 }, { together: 16, concurrency: 4, order: 'any' }]) {
      const many = await restored(inputs, more);
      for (const [k, data] of alone.entries())
        expect(Buffer.compare(Buffer.from(many[k]!.buffer), Buffer.from(data.buffer)), `image ${k}`).toBe(0);
    }
  });

  it('says which image a warning is about', async () => {
    const long = 'a portrait of a person '.repeat(30);
    const inputs = [small[0]!, { input: small[1]!, prompt: long }, small[2]!];
    const warned: number[] = [];
    for await (const { index, warnings } of latino.restoreMany(inputs, { ...options, together: 3 }))
      if (warnings.some(({ code }) => code === 'WARN_LATINO_PROMPT_CUT')) warned.push(index);
    expect(warned).toEqual([1]);
  });

  it('refuses at once what is wrong for all', () => {
    expect(() => latino.restoreMany(small, { ...options, sigma: 3 })).toThrow(withCode('ARGUMENT', /sigma/));
    expect(() => latino.restoreMany(small, { ...options, order: 'alphabetical' as 'any' })).toThrow(
      withCode('ARGUMENT', /kept or any for order/),
    );
    expect(() => latino.restoreMany('photos' as never, options)).toThrow(withCode('ARGUMENT', /iterable of inputs but received 'photos'/));
  });

  it('ends when the model is disposed', async () => {
    const own = await Latino.load({ model: 'portraits', device: DEVICE });
    const endless = small.map((input) => ({ input, steps: 50 }));
    const all = async (): Promise<void> => {
      for await (const { index } of own.restoreMany([small[0]!, ...endless], options)) if (index === 0) void own.dispose();
    };
    await expect(all()).rejects.toEqual(withCode('DISPOSED'));
  });

  it('is behind a queue that says what waits', async () => {
    const queue = latino.queue({ concurrency: 1, capacity: 10 });
    const work = small.map((input) => queue.restore(input, options));
    expect(queue.waiting + queue.running).toBe(5);
    expect((await Promise.all(work)).map(({ width }) => width)).toEqual(Array(5).fill(128));
  });
});
