import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { denoising, inpainting, Latino, psnr, readImage, superResolution } from '../../src/index.js';
import { DEVICE } from '../support/device.js';

const sample = (name: string): string => fileURLToPath(new URL(`../../models/portraits-lcm/samples/${name}.png`, import.meta.url));

describe('Latino', () => {
  let latino: Latino;
  const folder = mkdtempSync(join(tmpdir(), 'latino-'));
  beforeAll(async () => {
    latino = await Latino.load({ model: 'portraits', device: DEVICE });
  });
  afterAll(async () => {
    await latino.dispose();
    rmSync(folder, { recursive: true });
  });

  const sr8 = { operator: superResolution({ factor: 8 }), sigma: 0.01 };

  it('restores a degraded file to a file that is nearer to the original than enlarging it', async () => {
    const clean = await readImage(sample('03'), { channels: 3 });
    const y = await latino.degrade(sample('03'), sr8);
    const restored = await latino.restore(y.image, { ...sr8, seed: 1 });
    const path = join(folder, 'restored.png');
    await restored.toFile(path);
    const back = await readImage(path, { channels: 3 });
    expect([back.width, back.height]).toEqual([128, 128]);
    // Enlarging the measurement gives 23.2 dB on average over the samples.
    expect(await psnr(back, clean)).toBeGreaterThan(24.5);
    expect(readdirSync(folder)).toEqual(['restored.png']);
  });

  it('uploads y, downloads the image, and copies nothing else', async () => {
    const y = await latino.degrade(sample('00'), sr8);
    const named = { ...sr8, result: 'decoded' } as const; // else the embedded model looks whether it knows such images
    await latino.restore(y.image, named);
    const before = latino.transfers;
    await latino.restore(y.image, named);
    const after = latino.transfers;
    expect(after.uploads - before.uploads).toBe(1);
    expect(after.uploadBytes - before.uploadBytes).toBe(3 * 16 * 16 * 4);
    expect(after.downloads - before.downloads).toBe(1);
    expect(after.downloadBytes - before.downloadBytes).toBe(3 * 128 * 128 * 4);
    await latino.restore(y.image, { ...named, prompt: 'a portrait of a person with tan skin' });
    expect(latino.transfers.uploads - after.uploads).toBe(2); // y and the tokens
  });

  it('is deterministic per seed, also when calls run side by side', async () => {
    const y = await latino.degrade(sample('00'), sr8);
    const alone = await latino.restore(y.image, { ...sr8, seed: 7 });
    const [a, b] = await Promise.all([latino.restore(y.image, { ...sr8, seed: 7 }), latino.restore(y.image, { ...sr8, seed: 8 })]);
    expect(a.image.data).toEqual(alone.image.data);
    expect(b.image.data).not.toEqual(alone.image.data);
  });

  it('restores images of sizes that the networks do not divide', async () => {
    const data = Float32Array.from({ length: 3 * 90 * 70 }, (_, i) => Math.sin(i / 50) / 2);
    const image = { width: 70, height: 90, channels: 3 as const, data };
    const restored = await latino.restore(image, { operator: denoising(), sigma: 0.05, steps: 2, onWarning: () => undefined });
    expect([restored.width, restored.height]).toEqual([70, 90]);
  });

  it('never looks at what lies under the mask', async () => {
    const clean = await readImage(sample('07'), { channels: 3 });
    const operator = inpainting({ box: [40, 36, 48, 56] });
    const hidden = { ...clean, data: clean.data.slice() };
    for (let c = 0; c < 3; c++)
      for (let row = 40; row < 88; row++) hidden.data.fill(0.9, (c * 128 + row) * 128 + 36, (c * 128 + row) * 128 + 92);
    const [a, b] = await Promise.all([clean, hidden].map((y) => latino.restore(y, { operator, sigma: 0.01, steps: 3 })));
    expect(a!.image.data).toEqual(b!.image.data);
  });

  it('reports progress and previews', async () => {
    const y = await latino.degrade(sample('00'), sr8);
    const seen: number[] = [];
    await latino.restore(y.image, {
      ...sr8,
      steps: 4,
      previews: true,
      onProgress: ({ step, preview }) => seen.push(preview?.width === 128 ? step : -1),
    });
    expect(seen).toEqual([1, 2, 3, 4]);
  });

  it('stops between steps when aborted and gives its memory back', async () => {
    const y = await latino.degrade(sample('00'), sr8);
    await latino.restore(y.image, sr8);
    await latino.device.synchronize();
    const { inUse } = latino.device.memory;
    const controller = new AbortController();
    const run = latino.restore(y.image, {
      ...sr8,
      steps: 50,
      signal: controller.signal,
      onProgress: ({ step }) => step === 2 && controller.abort(),
    });
    await expect(run).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
    await latino.device.synchronize();
    expect(latino.device.memory.inUse).toBeLessThanOrEqual(inUse);
  });

  it.each([
    ['sigma', { sigma: 0 }, 'ERR_LATINO_ARGUMENT'],
    ['sigma', { sigma: Number.NaN }, 'ERR_LATINO_ARGUMENT'],
    ['steps', { steps: 51 }, 'ERR_LATINO_ARGUMENT'],
    ['seed', { seed: -1 }, 'ERR_LATINO_ARGUMENT'],
    ['stepRule', { stepRule: -1 }, 'ERR_LATINO_ARGUMENT'],
  ])('rejects a bad %s (%o)', async (_name, change, code) => {
    await expect(latino.restore(sample('00'), { operator: denoising(), sigma: 0.1, ...change })).rejects.toThrow(
      expect.objectContaining({ code }),
    );
  });

  it('rejects files that are no image', async () => {
    await expect(latino.restore('missing.png', sr8)).rejects.toThrow(expect.objectContaining({ code: 'ERR_LATINO_IMAGE' }));
    await expect(latino.restore(Buffer.from('no image'), sr8)).rejects.toThrow(expect.objectContaining({ code: 'ERR_LATINO_IMAGE' }));
  });

  it('rejects a folder that is no model', async () => {
    await expect(Latino.load({ model: folder })).rejects.toThrow(expect.objectContaining({ code: 'ERR_LATINO_MODEL' }));
    expect(existsSync(folder)).toBe(true);
  });
});
