import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';
import {
  assertWritable,
  encodeImage,
  type Image,
  type ImageInput,
  readImage,
  upscale,
  writeContactSheet,
  writeImage,
} from '../../src/image/index.js';

const folder = mkdtempSync(join(tmpdir(), 'latino-image-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
const failure = (code: string, text = '') => expect.objectContaining({ code, message: expect.stringContaining(text) });

/** Values that 16 bits hold exactly. */
const picture = (width: number, height: number, channels: 1 | 3): Image => ({
  width,
  height,
  channels,
  data: Float32Array.from({ length: channels * width * height }, (_, i) => ((i * 7919) % 65536) / 32767.5 - 1),
});

function largestDifference(a: Image, b: Image): number {
  expect([a.width, a.height, a.channels]).toEqual([b.width, b.height, b.channels]);
  return a.data.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b.data[i]!)), 0);
}

describe('files', () => {
  it.each(['png', 'tiff', 'tif'])('keep an image to the bit depth as %s', async (extension) => {
    for (const channels of [1, 3] as const) {
      const image = picture(13, 7, channels);
      await writeImage(at(`a.${extension}`), image, { bitDepth: 16 });
      expect(largestDifference(await readImage(at(`a.${extension}`), { channels }), image)).toBeLessThan(1e-6);
      expect((await sharp(at(`a.${extension}`)).metadata()).channels).toBe(channels);
      await writeImage(at(`a.${extension}`), image);
      expect(largestDifference(await readImage(at(`a.${extension}`), { channels }), image)).toBeLessThanOrEqual(1 / 255 + 1e-6);
    }
  });

  it.each(['jpg', 'jpeg', 'webp'])('are close to the image as %s', async (extension) => {
    const image = { ...picture(32, 32, 3), data: Float32Array.from({ length: 3 * 1024 }, (_, i) => Math.sin((i % 1024) / 300)) };
    await writeImage(at(`a.${extension}`), image);
    expect(largestDifference(await readImage(at(`a.${extension}`)), image)).toBeLessThan(0.15);
  });

  it('are rotated as EXIF says, and lose their transparency to white', async () => {
    const raw = { width: 2, height: 1, channels: 4 as const };
    const png = await sharp(Uint8Array.from([255, 0, 0, 255, 0, 0, 0, 0]), { raw })
      .png()
      .withMetadata({ orientation: 6 })
      .toBuffer();
    const image = await readImage(png);
    expect([image.width, image.height, image.channels]).toEqual([1, 2, 3]);
    expect([...image.data]).toEqual([1, 1, -1, 1, -1, 1]);
    const wide = await sharp(Uint16Array.from([0, 0, 0, 0]), { raw: { ...raw, width: 1 } })
      .toColourspace('rgb16')
      .png()
      .toBuffer();
    expect([...(await readImage(wide)).data]).toEqual([1, 1, 1]);
  });

  it('become grey or colour as asked', async () => {
    const grey = await readImage({ width: 1, height: 1, channels: 3, data: Uint8Array.of(255, 0, 0) }, { channels: 1 });
    expect(grey.data[0]).toBeCloseTo(2 * 0.299 - 1, 6);
    const colour = await readImage({ width: 2, height: 1, channels: 1, data: Uint16Array.of(0, 65535) });
    expect([...colour.data]).toEqual([-1, 1, -1, 1, -1, 1]);
  });
});

describe('pixels', () => {
  it('may be 8-bit, 16-bit, floats or an image', async () => {
    const size = { width: 2, height: 1, channels: 3 as const };
    const want = [-1, 1, 1, -1, 1, 1];
    expect([...(await readImage({ ...size, data: Uint8Array.of(0, 255, 255, 255, 0, 255) })).data]).toEqual(want);
    expect([...(await readImage({ ...size, data: Uint16Array.of(0, 65535, 65535, 65535, 0, 65535) })).data]).toEqual(want);
    expect([...(await readImage({ ...size, data: Float32Array.of(0, 1, 1, 1, 0, 1), layout: 'interleaved' })).data]).toEqual(want);
    expect([...(await readImage({ ...size, data: Float32Array.from(want) })).data]).toEqual(want);
  });

  /** What reading comes to, pixel by pixel. */
  function expected(data: ArrayLike<number>, white: number, count: number, channels: 1 | 2 | 3 | 4, wanted: 1 | 3): Float32Array {
    const colours = channels < 3 ? 1 : 3;
    const planar = new Float32Array(wanted * count);
    for (let i = 0; i < count; i++) {
      const alpha = channels % 2 === 0 ? data[i * channels + colours]! / white : 1;
      const over = Array.from({ length: colours }, (_, c) => Math.fround(2 * ((data[i * channels + c]! / white) * alpha + 1 - alpha) - 1));
      const [r, g = r, b = r] = over as [number, number?, number?];
      const values = wanted === 3 ? [r, g, b] : [r === g && g === b ? r : 0.299 * r + 0.587 * g + 0.114 * b];
      for (const [c, value] of values.entries()) planar[c * count + i] = value;
    }
    return planar;
  }

  it.each([1, 2, 3, 4] as const)('of %i channels become planes, of any type, side by side', async (channels) => {
    const [width, height] = [31, 7];
    const numbers = Array.from({ length: width * height * channels }, (_, i) => (i * 7919) % 65536);
    const bytes = Uint8Array.from(numbers, (number) => number >> 8);
    const kinds = [
      { white: 255, data: bytes },
      { white: 255, data: Uint8ClampedArray.from(bytes) },
      { white: 255, data: Buffer.concat([Buffer.of(1), bytes]).subarray(1) },
      { white: 65535, data: Uint16Array.from(numbers) },
      { white: 1, data: Float32Array.from(numbers, (number) => number / 65535), layout: 'interleaved' as const },
    ];
    await Promise.all(
      kinds.flatMap(({ white, ...pixels }) =>
        ([1, 3] as const).map(async (wanted) => {
          const image = await readImage({ width, height, channels, ...pixels } as ImageInput, { channels: wanted });
          expect([image.width, image.height, image.channels]).toEqual([width, height, wanted]);
          expect(largestDifference(image, { ...image, data: expected(pixels.data, white, width * height, channels, wanted) })).toBeLessThan(
            1e-6,
          );
        }),
      ),
    );
  });

  it('are checked', async () => {
    await expect(readImage({ width: 2, height: 2, channels: 3, data: new Uint8Array(5) })).rejects.toEqual(
      failure('ERR_LATINO_IMAGE', 'Expected 12 values'),
    );
    await expect(readImage({ width: 0, height: 2, channels: 3, data: new Uint8Array(0) })).rejects.toEqual(failure('ERR_LATINO_IMAGE'));
    await expect(readImage({ width: 1, height: 1, channels: 1, data: Float32Array.of(Number.NaN) })).rejects.toEqual(
      failure('ERR_LATINO_IMAGE', 'finite'),
    );
    await expect(
      readImage({ width: 1, height: 1, channels: 3, data: Float32Array.of(0, 0, Infinity), layout: 'interleaved' }),
    ).rejects.toEqual(failure('ERR_LATINO_IMAGE', 'finite'));
    await expect(readImage(7 as never)).rejects.toEqual(failure('ERR_LATINO_IMAGE', 'number'));
  });
});

describe('bad files', () => {
  it('are refused in one sentence', async () => {
    writeFileSync(at('corrupt.png'), 'not a picture');
    const whole = await encodeImage(picture(64, 64, 3), 'png');
    writeFileSync(at('half.png'), whole.subarray(0, whole.length / 2));
    for (const [path, text] of [
      [at('missing.png'), 'no such file'],
      [at('corrupt.png'), 'corrupt.png'],
      [at('half.png'), 'half.png'],
      [folder, 'not a file'],
    ]) {
      const error = await readImage(path!).then(
        () => undefined,
        (reason: Error) => reason,
      );
      expect(error).toEqual(failure('ERR_LATINO_IMAGE', text));
      expect(error!.message).not.toContain('\n');
    }
    await expect(readImage(Buffer.alloc(0))).rejects.toEqual(failure('ERR_LATINO_IMAGE'));
  });
});

describe('output', () => {
  it('is checked before the work', async () => {
    mkdirSync(at('folder.png'));
    await expect(assertWritable(at('a.xyz'))).rejects.toEqual(failure('ERR_LATINO_OUTPUT', '.png'));
    await expect(assertWritable(at('toString'))).rejects.toEqual(failure('ERR_LATINO_OUTPUT'));
    await expect(assertWritable(at('no/such/a.png'))).rejects.toEqual(failure('ERR_LATINO_OUTPUT', 'does not exist'));
    await expect(assertWritable(at('folder.png'))).rejects.toEqual(failure('ERR_LATINO_OUTPUT', 'folder'));
    await expect(assertWritable(at('a.jpg'), { bitDepth: 16 })).rejects.toEqual(failure('ERR_LATINO_OUTPUT', '16 bits'));
    await expect(assertWritable(at('a.png'), { bitDepth: 12 as 8 })).rejects.toEqual(failure('ERR_LATINO_ARGUMENT', '12'));
    await assertWritable(at('new.png'));
  });

  it('leaves nothing behind on failure', async () => {
    mkdirSync(at('inner/full.png'), { recursive: true });
    await expect(writeImage(at('inner/full.png'), picture(2, 2, 3))).rejects.toEqual(failure('ERR_LATINO_OUTPUT'));
    await expect(writeImage(at('inner/none/a.png'), picture(2, 2, 3))).rejects.toEqual(failure('ERR_LATINO_OUTPUT', 'does not exist'));
    expect(readdirSync(at('inner'))).toEqual(['full.png']);
  });

  it('replaces a file whole', async () => {
    mkdirSync(at('replace'));
    writeFileSync(at('replace/a.png'), 'old');
    await writeImage(at('replace/a.png'), picture(2, 2, 3));
    expect(readFileSync(at('replace/a.png')).subarray(1, 4).toString()).toBe('PNG');
    expect(readdirSync(at('replace'))).toEqual(['a.png']);
  });
});

describe('upscale', () => {
  it('keeps flat images flat and ramps straight', async () => {
    const ramp: Image = { width: 8, height: 4, channels: 1, data: Float32Array.from({ length: 32 }, (_, i) => (i % 8) / 10) };
    const large = await upscale(ramp, { width: 32, height: 16 });
    expect([large.width, large.height]).toEqual([32, 16]);
    await expect(upscale(ramp, { width: 0, height: 16 })).rejects.toEqual(failure('ERR_LATINO_ARGUMENT', 'width'));
    await expect(upscale(ramp, { width: 2 ** 24, height: 2 ** 24 })).rejects.toEqual(failure('ERR_LATINO_DEVICE_MEMORY'));
    for (let x = 8; x < 24; x++) expect(large.data[5 * 32 + x]).toBeCloseTo(((x + 0.5) / 4 - 0.5) / 10, 6);
  });
});

describe('contact sheet', () => {
  it('is a PNG of every row and column', async () => {
    const row = { label: 'sr:8 <&>', images: [picture(128, 128, 3), picture(16, 16, 1)] };
    await writeContactSheet(at('sheet.png'), { columns: ['clean', 'degraded'], rows: [row, row] });
    const { format, width, height } = await sharp(at('sheet.png')).metadata();
    expect(format).toBe('png');
    expect(width).toBeGreaterThan(2 * 256);
    expect(height).toBeGreaterThan(2 * 256);
  });
});
