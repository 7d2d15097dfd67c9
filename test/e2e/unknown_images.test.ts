import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Image, Latino, type Operator, parseOperator, psnr, type RestoreOptions, readImage, type Warning } from '../../src/index.js';
import { portraits } from '../support/cli.js';
import { middle } from '../support/middle.js';

const folder = fileURLToPath(new URL('../photographs', import.meta.url));
const photographs = readdirSync(folder).filter((name) => name.endsWith('.webp'));
const sample = (name: string): string => join(portraits, 'samples', `${name}.png`);

let latino: Latino;
let whole: Image[];
beforeAll(async () => {
  latino = await Latino.load({ model: 'portraits' });
  whole = await Promise.all(photographs.map((name) => readImage(join(folder, name), { channels: 3 })));
});
afterAll(() => latino.dispose());

interface Outcome {
  readonly image: Image;
  readonly warnings: readonly Warning[];
}

async function restore(y: Image, options: Omit<RestoreOptions, 'onWarning'>): Promise<Outcome> {
  const warnings: Warning[] = [];
  const { image } = await latino.restore(y, { ...options, onWarning: (warning) => warnings.push(warning) });
  return { image, warnings };
}

const unknownImage = expect.objectContaining({ code: 'WARN_LATINO_UNKNOWN_IMAGE', message: expect.stringMatching(/portraits.*model/) });

describe.each([
  ['sr:4', 0.01],
  ['deblur:gaussian:3', 0.01],
  ['deblur:motion:25:30', 0.01],
  ['denoise', 0.1],
  ['inpaint:box:40:36:48:56', 0.01],
])('%s of photographs with the embedded portraits model', (spelling, sigma) => {
  let operator: Operator;
  beforeAll(async () => {
    operator = await parseOperator(spelling);
  });

  it.each([
    ['whole', 192],
    ['of the size that it knows', 128],
  ])('warns, and gives no worse picture than the data alone: %s', async (_, size) => {
    const photograph = whole[(spelling.length + size / 64) % whole.length]!;
    const clean = size === photograph.width ? photograph : middle(photograph, size);
    const y = (await latino.degrade(clean, { operator, sigma, seed: 3 })).image;
    const { image, warnings } = await restore(y, { operator, sigma });
    expect(warnings).toEqual([unknownImage]);
    const quiet = { operator, sigma, result: 'proximal', onWarning: () => undefined } as const;
    if (size === 128) expect(image.data).toEqual((await latino.restore(y, quiet)).image.data);
    if (spelling.startsWith('inpaint')) return; // of a hole the data tell nothing
    // One step that trusts the data as good as wholly leaves nothing of the prior.
    const data = (await latino.restore(y, { ...quiet, steps: 1, stepRule: 1e4 })).image;
    expect(await psnr(image, clean)).toBeGreaterThan((await psnr(data, clean)) - 0.1);
  });

  it('leaves portraits as they were', async () => {
    const y = (await latino.degrade(sample('00'), { operator, sigma, seed: 3 })).image;
    const { image, warnings } = await restore(y, { operator, sigma });
    expect(warnings).toEqual([]);
    expect(image.data).toEqual((await latino.restore(y, { operator, sigma, result: 'decoded' })).image.data);
  });
});

describe('a batch of portraits and photographs', () => {
  it('gives each the result that it would get alone', async () => {
    const operator = await parseOperator('sr:4');
    const images = [sample('00'), middle(whole[0]!, 128), sample('03')];
    const inputs = await Promise.all(images.map(async (clean) => (await latino.degrade(clean, { operator, sigma: 0.01 })).image));
    const warnings: Warning[] = [];
    const onWarning = (warning: Warning): number => warnings.push(warning);
    const batch = await latino.restoreBatch(
      inputs.map((input) => ({ input })),
      { operator, sigma: 0.01, onWarning },
    );
    expect(warnings).toEqual([unknownImage]);
    for (const [k, input] of inputs.entries())
      expect(batch[k]!.image.data).toEqual((await restore(input, { operator, sigma: 0.01 })).image.data);
  });
});

describe('what the choice costs', () => {
  it('is one number more from the device, and nothing where the result is named', async () => {
    const operator = await parseOperator('sr:8');
    const y = (await latino.degrade(sample('00'), { operator, sigma: 0.01 })).image;
    const bytes = async (result?: RestoreOptions['result']): Promise<number> => {
      const before = latino.transfers.downloadBytes;
      const { width, height } = await latino.restore(y, { operator, sigma: 0.01, result });
      return latino.transfers.downloadBytes - before - 3 * width * height * 4;
    };
    expect([await bytes(), await bytes('decoded')]).toEqual([4, 0]);
  });
});
