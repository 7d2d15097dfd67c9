import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { degrade, denoising, estimateSigma, type Image, inpainting, parseOperator, readImage } from '../../src/index.js';
import { root } from '../support/cli.js';
import { withCode } from '../support/errors.js';
import { middle } from '../support/middle.js';

// What bench/sigma.mjs measures on many photographs, at the edges: what is white noise is found, what is none does not pass for it.

const sample = (name: string): string => join(root, 'models/photos-lcm/samples', `${name}.png`);
const operator = denoising();
const off = (estimated: number, sigma: number): number => Math.abs(estimated / sigma - 1);

/** A slope from one level to another, as [0, 1] images have them. */
function slope(from: number, to: number, side = 128, channels: 1 | 3 = 3): Image {
  const count = side * side;
  const data = Float32Array.from({ length: channels * count }, (_, i) => 2 * (from + ((to - from) * (i % count)) / count) - 1);
  return { width: side, height: side, channels, data };
}

/** A picture with noise, stored in 8 bits. */
const stored = async (image: Image | string, sigma: number, task = 'denoise'): Promise<Buffer> =>
  (await degrade(image, { operator: await parseOperator(task), sigma, seed: 7 })).toBuffer('png');

describe('estimateSigma', () => {
  it.each(['denoise', 'sr:2', 'deblur:gaussian:2', 'deblur:motion:25:30', 'inpaint:box:60:60:90:90', 'colorize'])(
    'finds the noise of photographs through %s',
    async (task) => {
      const operator = await parseOperator(task);
      for (const sigma of [0.01, 0.02, 0.05, 0.1]) {
        const { sigma: estimated, certain } = await estimateSigma(await stored(sample('astronaut'), sigma, task), { operator });
        expect(off(estimated, sigma), `${sigma}`).toBeLessThan(0.2);
        expect(certain, `${sigma}`).toBe(true);
      }
    },
  );

  it.each([1, 3] as const)('finds it in %i channels, in floats and in 8 bits', async (channels) => {
    const picture = slope(0.3, 0.7, 128, channels);
    const task = channels === 1 ? 'colorize' : 'denoise';
    const operator = await parseOperator(task);
    for (const sigma of [0.004, 0.03]) {
      const noisy = (await degrade(picture, { operator, sigma })).image;
      expect(off((await estimateSigma(noisy, { operator })).sigma, sigma)).toBeLessThan(0.15);
      expect(off((await estimateSigma(await stored(picture, sigma, task), { operator })).sigma, sigma)).toBeLessThan(0.2);
    }
  });

  it('takes the detail of a grey picture for what its spectrum shows it to be', async () => {
    const operator = await parseOperator('colorize');
    for (const name of ['chelsea', 'mountains']) {
      expect(off((await estimateSigma(await stored(sample(name), 0.005, 'colorize'), { operator })).sigma, 0.005), name).toBeLessThan(0.08);
    }
  });

  it('is no less than what 8 bits lose', async () => {
    expect((await estimateSigma(slope(0.5, 0.5), { operator })).sigma).toBeCloseTo(1 / 255 / Math.sqrt(12), 8);
  });

  it('looks away from what was clipped', async () => {
    // Two thirds are as white or as black as can be.
    const { sigma } = await estimateSigma(await stored(slope(-1, 2), 0.05), { operator });
    expect(off(sigma, 0.05)).toBeLessThan(0.15);
    const white = await estimateSigma(await stored(slope(1.5, 2), 0.05), { operator });
    expect(white).toMatchObject({ certain: false, doubt: expect.stringMatching(/as black or white as can be/) });
  });

  it('looks at one channel where the others were clipped', async () => {
    const red = slope(0.4, 0.6);
    red.data.fill(2, 0, 128 * 128);
    expect(off((await estimateSigma(await stored(red, 0.05), { operator })).sigma, 0.05)).toBeLessThan(0.15);
  });

  it('looks away from a hole', async () => {
    const [quiet, loud] = await Promise.all([0.02, 0.3].map(async (sigma) => (await degrade(slope(0.3, 0.7), { operator, sigma })).image));
    const mask = { width: 128, height: 128, values: Uint8Array.from({ length: 128 * 128 }, (_, i) => (i % 128 < 100 ? 1 : 0)) };
    const data = quiet!.data.map((value, i) => (mask.values[i % (128 * 128)] ? loud!.data[i]! : value));
    expect(off((await estimateSigma({ ...quiet!, data }, { operator: inpainting({ mask }) })).sigma, 0.02)).toBeLessThan(0.2);
    expect((await estimateSigma({ ...quiet!, data: loud!.data }, { operator })).sigma).toBeGreaterThan(0.2);
  });

  it('says where it is unsure', async () => {
    const small = await stored(middle(await readImage(sample('coffee')), 128), 0.02, 'sr:8');
    expect(await estimateSigma(small, { operator: await parseOperator('sr:8') })).toMatchObject({
      certain: false,
      doubt: expect.stringMatching(/16 × 16 pixels are few/),
    });
    const tiny = { width: 3, height: 2, channels: 1, data: new Float32Array(6) } as const;
    expect(await estimateSigma(tiny, { operator })).toMatchObject({ certain: false });
    // Of texture neighbours are alike, of noise they are not.
    const rough = (await degrade(slope(0.4, 0.6), { operator, sigma: 0.1 })).image;
    const texture = await stored(rough, 0, 'deblur:gaussian:0.6');
    expect(await estimateSigma(texture, { operator })).toMatchObject({
      certain: false,
      doubt: expect.stringMatching(/detail is everywhere/),
    });
    expect(await estimateSigma(rough, { operator })).toMatchObject({ certain: true });
    // All colours of white noise hold as much of it, those of a photograph do not.
    expect(await estimateSigma(await stored(sample('coffee'), 0.003), { operator })).toMatchObject({ certain: false });
    expect(await estimateSigma(await stored(sample('coffee'), 0.01), { operator })).toMatchObject({ certain: true });
  });

  it.each([75, 85, 95])('counts what a JPEG of quality %i lost as noise', async (quality) => {
    const clean = await readImage(sample('astronaut'));
    const jpeg = await sharp(await stored(clean, 0.003))
      .jpeg({ quality })
      .toBuffer();
    const { data } = await readImage(jpeg);
    const error = Math.sqrt(data.reduce((sum, value, i) => sum + ((value - clean.data[i]!) / 2) ** 2, 0) / data.length);
    const { sigma, certain, doubt } = await estimateSigma(jpeg, { operator });
    expect({ certain, doubt }).toEqual({ certain: false, doubt: expect.stringMatching(/JPEG/) });
    expect(sigma / error).toBeGreaterThan(0.5);
    expect(sigma / error).toBeLessThan(2);
    // The noise of a picture that was never one is not taken for it.
    expect((await estimateSigma(await stored(clean, 0.003), { operator })).certain).toBe(true);
  });

  it('refuses what is no measurement, operator or option', async () => {
    const picture = slope(0.3, 0.7);
    await expect(estimateSigma(picture, { operator: 'sr:4' } as never)).rejects.toEqual(withCode('OPERATOR', /parseOperator/));
    await expect(estimateSigma(picture, { operator, sigma: 1 } as never)).rejects.toEqual(withCode('ARGUMENT', /sigma/));
    await expect(estimateSigma('missing.png', { operator })).rejects.toEqual(withCode('IMAGE'));
    const mask = { width: 2, height: 2, values: [0, 1, 0, 0] };
    await expect(estimateSigma(picture, { operator: inpainting({ mask }) })).rejects.toEqual(withCode('SHAPE', /mask/));
  });
});
