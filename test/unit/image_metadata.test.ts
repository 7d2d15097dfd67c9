import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { uprightExif } from '../../src/image/metadata.js';
import { withPngMetadata } from '../../src/image/png_metadata.js';
import { degrade, denoising, type Image, Latino, Picture, readImage } from '../../src/index.js';
import { run } from '../support/cli.js';

// A photograph as a telephone takes it: Display P3, on its side, with a place and a time.

const folder = mkdtempSync(join(tmpdir(), 'latino-metadata-'));
const at = (name: string): string => join(folder, name);
/** A red of P3 that sRGB does not have. */
const RED = [250, 40, 20];
const raw = { width: 24, height: 16, channels: 3 as const };
let icc: Buffer;

/** Pixels of this colour in P3: the numbers stay, the profile is put to them. */
async function photograph(colour: readonly number[], depth: 8 | 16 = 8): Promise<Buffer> {
  const values = Array.from({ length: 24 * 16 }, () => colour).flat();
  const data = depth === 8 ? Uint8Array.from(values) : Uint16Array.from(values, (value) => 257 * value);
  const image = await readImage({ ...raw, data });
  return new Picture({ ...image, metadata: { icc } }).toBuffer('png', { bitDepth: depth });
}
/** With EXIF, on its side. */
async function telephone(): Promise<Buffer> {
  const told = sharp({ create: { ...raw, background: 'red' } })
    .withExif({ IFD0: { Artist: 'Somebody' }, IFD2: { DateTimeOriginal: '2026:11:28 05:00:00' }, IFD3: { GPSLatitudeRef: 'N' } })
    .withMetadata({ orientation: 6 });
  const { exif } = await sharp(await told.webp().toBuffer()).metadata();
  const plain = await sharp(await photograph(RED), { ignoreIcc: true })
    .png()
    .toBuffer();
  return withPngMetadata(plain, { icc, exif: exif!.subarray(6) });
}

beforeAll(async () => {
  icc = (
    await sharp(
      await sharp({ create: { ...raw, background: 'red' } })
        .withIccProfile('p3')
        .png()
        .toBuffer(),
    ).metadata()
  ).icc!;
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The first pixel as it stands in a file, profile aside. */
const stored = async (file: Buffer | string): Promise<number[]> => [
  ...(await sharp(file, { ignoreIcc: true }).raw().toBuffer()).subarray(0, 3),
];
/** As sharp shows it, in sRGB. */
const shown = async (picture: Sharp): Promise<number[]> => [...(await picture.raw().toBuffer()).subarray(0, 3)];
const firstPixel = ({ data, width, height }: Image): number[] =>
  [0, 1, 2].map((channel) => Math.round(((data[channel * width * height]! + 1) / 2) * 255));

describe('colours', () => {
  it.each([8, 16] as const)('of a wider gamut are read as the sRGB that they are, of %i bits', async (depth) => {
    const file = await photograph([186, 88, 67], depth);
    expect(await stored(file)).toEqual([186, 88, 67]);
    for (const [channel, value] of firstPixel(await readImage(file)).entries())
      expect(Math.abs(value - [200, 80, 60][channel]!)).toBeLessThanOrEqual(1);
  });

  it.each([8, 16] as const)('are kept as they are with their profile, of %i bits', async (depth) => {
    const image = await readImage(await photograph(RED, depth), { metadata: 'keep' });
    expect(firstPixel(image)).toEqual(RED);
    for (const format of ['png', 'tiff', 'jpeg', 'webp'] as const) {
      const written = await new Picture(image).toBuffer(format, { bitDepth: format === 'png' || format === 'tiff' ? depth : 8 });
      expect((await sharp(written).metadata()).icc).toEqual(icc);
      for (const [channel, value] of (await stored(written)).entries()) expect(Math.abs(value - RED[channel]!)).toBeLessThanOrEqual(3);
    }
  });

  it('of a profile that is not of RGB become sRGB, without it', async () => {
    const inks = await sharp({ create: { ...raw, background: 'red' } })
      .toColourspace('cmyk')
      .withIccProfile('cmyk')
      .tiff()
      .toBuffer();
    const image = await readImage(inks, { metadata: 'keep' });
    expect(image.metadata?.icc).toBeUndefined();
    expect(firstPixel(image)[0]).toBeGreaterThan(200);
  });
});

describe('EXIF', () => {
  it('is kept of an image that is upright now', async () => {
    const image = await readImage(await telephone(), { metadata: 'keep' });
    expect([image.width, image.height]).toEqual([16, 24]);
    for (const format of ['png', 'jpeg', 'webp'] as const) {
      const { exif, orientation, width, height } = await sharp(await new Picture(image).toBuffer(format)).metadata();
      expect([orientation, width, height]).toEqual([1, 16, 24]);
      expect(exif!.toString('latin1')).toMatch(/Somebody.*2026:11:28 05:00:00/s);
    }
    const tiff = await sharp(await new Picture(image).toBuffer('tiff')).metadata();
    expect(tiff).toMatchObject({ orientation: 1, icc });
  });

  it.each(['II', 'MM'])('loses its thumbnail, whatever its byte order (%s)', (order) => {
    const little = order === 'II';
    const bytes = Buffer.alloc(38);
    const [put16, put32] = little
      ? [bytes.writeUInt16LE.bind(bytes), bytes.writeUInt32LE.bind(bytes)]
      : [bytes.writeUInt16BE.bind(bytes), bytes.writeUInt32BE.bind(bytes)];
    bytes.write(order, 'latin1');
    put16(42, 2);
    put32(8, 4);
    put16(2, 8);
    for (const [entry, tag, value] of [
      [10, 0x0100, 6],
      [22, 0x0112, 6],
    ] as const) {
      put16(tag, entry);
      put16(3, entry + 2);
      put32(1, entry + 4);
      put16(value, entry + 8);
    }
    put32(99, 34);
    const upright = uprightExif(Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), bytes]))!;
    const read = (place: number): number => (little ? upright.readUInt16LE(place) : upright.readUInt16BE(place));
    expect([read(18), read(30), upright.readUInt32BE(34)]).toEqual([6, 1, 0]);
    for (const length of [0, 7, 9, 37]) expect(uprightExif(bytes.subarray(0, length))).toBeUndefined();
  });
});

describe('a picture', () => {
  it('goes into sharp, with what was kept for whoever keeps it', async () => {
    const picture = new Picture(await readImage(await telephone(), { metadata: 'keep' }));
    const pipeline = await picture.toSharp();
    expect(await pipeline.metadata()).toMatchObject({ width: 16, height: 24, orientation: 1, icc });
    expect(await shown(pipeline.clone())).toEqual([255, 0, 0]);
    expect(await stored(await pipeline.clone().keepIccProfile().resize(8).png().toBuffer())).toEqual(RED);
    const plain = new Picture(await readImage(await photograph([186, 88, 67]), { metadata: 'keep' }));
    expect([...(await plain.toRaw()).data.subarray(0, 3)]).toEqual([200, 80, 60]);
  });

  it.each([8, 16] as const)('gives its pixels as sharp does, %i bits of them', async (bitDepth) => {
    for (const channels of [1, 3] as const) {
      const data = Float32Array.from({ length: channels * 6 }, (_, i) => ((i * 7919) % 65536) / 32767.5 - 1);
      const image: Image = { width: 3, height: 2, channels, data };
      const given = await new Picture(image).toRaw({ bitDepth });
      expect(given.info).toMatchObject({ format: 'raw', width: 3, height: 2, channels, depth: bitDepth === 8 ? 'uchar' : 'ushort' });
      expect(given.data.length).toBe((channels * 6 * bitDepth) / 8);
      const back = await readImage(given, { channels });
      for (const [i, value] of back.data.entries()) expect(Math.abs(value - data[i]!)).toBeLessThanOrEqual(1 / (2 ** bitDepth - 1) + 1e-6);
      const sharpened = await (await new Picture(image).toSharp({ bitDepth })).metadata();
      expect(sharpened).toMatchObject({ width: 3, height: 2, channels });
    }
    await expect(new Picture(await readImage(await photograph(RED))).toRaw({ bitDepth: 12 as 8 })).rejects.toThrow('8 or 16');
  });
});

describe('metadata', () => {
  it('comes through degradation, restoration and a queue', async () => {
    const operator = denoising();
    const measurement = await degrade(await telephone(), { operator, sigma: 0.05, metadata: 'keep' });
    const file = await measurement.toBuffer('png');
    await using latino = await Latino.load({ model: 'portraits' });
    const options = { operator, sigma: 0.05, steps: 1, onWarning: () => undefined };
    const kept = await latino.restore(file, { ...options, metadata: 'keep' });
    const queued = await latino.queue().restore(file, { ...options, metadata: 'keep' });
    for (const { image } of [kept, queued]) {
      expect(image.metadata?.icc).toEqual(icc);
      expect(Buffer.from(image.metadata!.exif!).toString('latin1')).toContain('Somebody');
    }
    expect(queued.image.data).toEqual(kept.image.data);
    expect((await latino.restore(file, options)).image.metadata).toBeUndefined();
  });

  it('is kept by the command line, one file or many', async () => {
    writeFileSync(at('telephone.png'), await telephone());
    const task = ['--task', 'denoise', '--sigma', '0.05', '--model', 'portraits', '--steps', '1', '--keep-metadata', '--json'];
    expect(await run('restore', at('telephone.png'), ...task, '-o', at('restored.jpg'))).toMatchObject({ status: 0, stderr: '' });
    expect(await run('batch', at('telephone.png'), ...task, '--reference', folder, '--out', at('out'))).toMatchObject({ status: 0 });
    for (const name of ['restored.jpg', 'out/telephone.png']) {
      expect(existsSync(at(name))).toBe(true);
      const { icc: profile, exif, orientation } = await sharp(readFileSync(at(name))).metadata();
      expect({ profile, orientation }).toEqual({ profile: icc, orientation: 1 });
      expect(exif!.toString('latin1')).toContain('Somebody');
    }
    // Done before: with other limits of what is read, the same.
    const again = await run('batch', at('telephone.png'), ...task, '--reference', folder, '--max-pixels', '1000', '--out', at('out'));
    expect(JSON.parse(again.stdout.trim().split('\n').at(-1)!)).toMatchObject({ skipped: 1, restored: 0 });
    const refused = await run('restore', at('telephone.png'), ...task, '--formats', 'jpeg,webp', '-o', at('no.png'));
    expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining('Expected an image of jpeg, webp but') });
  });
});
