import { describe, expect, it } from 'vitest';
import { type Image, psnr, ssim } from '../../src/image/index.js';

const picture = (width: number, height: number, channels: 1 | 3, at: (i: number) => number): Image => ({
  width,
  height,
  channels,
  data: Float32Array.from({ length: channels * width * height }, (_, i) => at(i)),
});

describe('psnr', () => {
  it('compares images rounded to 8 bits', async () => {
    const a = picture(16, 16, 3, () => 0);
    const b = picture(16, 16, 3, () => 10 / 127.5);
    expect(await psnr(a, b)).toBeCloseTo(20 * Math.log10(255 / 10), 10);
    expect(
      await psnr(
        a,
        picture(16, 16, 3, () => 0.001),
      ),
    ).toBe(Number.POSITIVE_INFINITY);
    expect(
      await psnr(
        picture(16, 16, 1, () => 1),
        picture(16, 16, 1, () => 1.5),
      ),
    ).toBe(Number.POSITIVE_INFINITY);
  });

  it('refuses images of two sizes', async () => {
    await expect(
      psnr(
        picture(16, 16, 3, () => 0),
        picture(16, 17, 3, () => 0),
      ),
    ).rejects.toEqual(expect.objectContaining({ code: 'ERR_LATINO_SHAPE', message: expect.stringContaining('16 × 17') }));
    await expect(
      psnr(
        picture(16, 16, 3, () => 0),
        picture(16, 16, 1, () => 0),
      ),
    ).rejects.toEqual(expect.objectContaining({ code: 'ERR_LATINO_SHAPE' }));
  });
});

describe('ssim', () => {
  it('is 1 for equal images', async () => {
    const a = picture(20, 13, 3, (i) => Math.sin(i));
    expect(await ssim(a, a)).toBeCloseTo(1, 12);
  });

  it('follows the definition for flat images', async () => {
    const c1 = 2.55 ** 2;
    const [p, q] = [51, 204];
    const flat = (level: number): Image => picture(12, 12, 1, () => level / 127.5 - 1);
    expect(await ssim(flat(p), flat(q))).toBeCloseTo((2 * p * q + c1) / (p * p + q * q + c1), 9);
  });

  it('follows the definition for one window', async () => {
    const levels = (f: (i: number) => number): number[] => Array.from({ length: 121 }, (_, i) => Math.floor(f(i)));
    const [p, q] = [levels((i) => (i * 37) % 256), levels((i) => (i * 53) % 256)];
    const window = Array.from({ length: 121 }, (_, i) => Math.exp(-((Math.floor(i / 11) - 5) ** 2 + ((i % 11) - 5) ** 2) / 4.5));
    const total = window.reduce((sum, w) => sum + w);
    const mean = (f: (i: number) => number): number => window.reduce((sum, w, i) => sum + (w / total) * f(i), 0);
    const [mp, mq] = [mean((i) => p[i]!), mean((i) => q[i]!)];
    const [vp, vq] = [mean((i) => (p[i]! - mp) ** 2), mean((i) => (q[i]! - mq) ** 2)];
    const covariance = mean((i) => (p[i]! - mp) * (q[i]! - mq));
    const [c1, c2] = [2.55 ** 2, 7.65 ** 2];
    const want = ((2 * mp * mq + c1) * (2 * covariance + c2)) / ((mp * mp + mq * mq + c1) * (vp + vq + c2));
    const image = (values: number[]): Image => picture(11, 11, 1, (i) => values[i]! / 127.5 - 1);
    expect(await ssim(image(p), image(q))).toBeCloseTo(want, 10);
  });

  it('is the mean over every place of the window, and over the channels', async () => {
    const [width, height] = [23, 14];
    const channel = (image: Image, c: number, x: number, y: number): Image => ({
      width: 11,
      height: 11,
      channels: 1,
      data: Float32Array.from({ length: 121 }, (_, i) => image.data[(c * height + y + Math.floor(i / 11)) * width + x + (i % 11)]!),
    });
    const a = picture(width, height, 3, (i) => Math.sin(i));
    const b = picture(width, height, 3, (i) => Math.sin(i) * 0.8 + Math.cos(3 * i) * 0.4);
    const places: Promise<number>[] = [];
    for (let c = 0; c < 3; c++)
      for (let y = 0; y + 11 <= height; y++)
        for (let x = 0; x + 11 <= width; x++) places.push(ssim(channel(a, c, x, y), channel(b, c, x, y)));
    const mean = (await Promise.all(places)).reduce((sum, place) => sum + place) / places.length;
    expect(await ssim(a, b)).toBeCloseTo(mean, 10);
  });

  it('refuses images smaller than its window', async () => {
    const a = picture(10, 40, 1, () => 0);
    await expect(ssim(a, a)).rejects.toEqual(expect.objectContaining({ code: 'ERR_LATINO_SHAPE' }));
  });
});
