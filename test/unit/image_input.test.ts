import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { crc32 } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { denoising, type Image, type ImageInput, Latino, readImage } from '../../src/index.js';
import { withCode } from '../support/errors.js';

const folder = mkdtempSync(join(tmpdir(), 'latino-input-'));
const path = join(folder, 'a picture.png');
const raw = { width: 13, height: 7, channels: 3 as const };
const pixels = Uint8Array.from({ length: 13 * 7 * 3 }, (_, i) => (i * 89) % 256);
let file: Buffer;
let wanted: Image;

beforeAll(async () => {
  file = await sharp(pixels, { raw }).png().toBuffer();
  writeFileSync(path, file);
  wanted = await readImage({ ...raw, data: pixels });
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('an image', () => {
  const bytes = (): ArrayBuffer => new Uint8Array(file).buffer;
  /** In the middle of a buffer, at an odd address. */
  const inside = (): Buffer => Buffer.concat([Buffer.of(1), file, Buffer.of(2)]).subarray(1, -1);
  const inputs: Readonly<Record<string, () => ImageInput | Promise<ImageInput>>> = {
    'a path': () => path,
    'the URL of a file': () => pathToFileURL(path),
    'a Buffer': () => inside(),
    'an ArrayBuffer': bytes,
    'a DataView': () => new DataView(inside().buffer, inside().byteOffset, file.length),
    'a Blob': () => new Blob([bytes()]),
    'a Node stream': () => createReadStream(path, { highWaterMark: 16 }),
    'a web stream': () => new Blob([bytes()]).stream(),
    "a response's body": () => new Response(bytes()).body!,
    'an iterable of bytes': () => Readable.from([file.subarray(0, 9), file.subarray(9)]),
    'a sharp instance': () => sharp(file),
    'a sharp instance of pixels': () => sharp(pixels, { raw }),
    'a sharp instance that would write a JPEG': () => sharp(file).jpeg({ quality: 1 }),
    'a sharp instance that a stream goes into': () => createReadStream(path).pipe(sharp()),
    'the pixels that sharp gives': () => sharp(file).raw().toBuffer({ resolveWithObject: true }),
    'the 16-bit pixels that sharp gives': () =>
      sharp(
        Uint16Array.from(pixels, (value) => 257 * value),
        { raw },
      )
        .toColourspace('rgb16')
        .raw({ depth: 'ushort' })
        .toBuffer({ resolveWithObject: true }),
    'the file that sharp gives': () => sharp(file).webp({ lossless: true }).toBuffer({ resolveWithObject: true }),
  };

  it.each(Object.entries(inputs))('may be %s', async (_, make) => {
    const image = await readImage(await make());
    expect([image.width, image.height, image.channels]).toEqual([13, 7, 3]);
    for (const [i, value] of image.data.entries()) expect(value).toBeCloseTo(wanted.data[i]!, 5);
  });

  it('is what a sharp pipeline gives, which goes on as it was', async () => {
    const pipeline = sharp(file).resize(26, 14, { kernel: 'nearest' }).webp({ lossless: true });
    const image = await readImage(pipeline);
    expect([image.width, image.height]).toEqual([26, 14]);
    expect(await sharp(await pipeline.toBuffer()).metadata()).toMatchObject({ format: 'webp', width: 26 });
  });

  it('of a sharp pipeline is upright', async () => {
    const lying = await sharp(file).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    for (const pipeline of [sharp(lying), sharp(lying).autoOrient()])
      expect(await readImage(pipeline)).toMatchObject({ width: 7, height: 13 });
  });

  it.each<[string, () => unknown, RegExp]>([
    ['the URL of a server', () => new URL('https://example.org/a.png'), /file: URL .* https:/],
    ['the URL of a file elsewhere', () => new URL('file://elsewhere/a.png'), /on this machine/],
    ['a stream of words', () => Readable.from(['words']), /stream of bytes .* string/],
    ['a stream of nothing', () => Readable.from([]), /cannot decode the given stream/],
    ['a stream that fails', () => createReadStream(join(folder, 'none.png')), /stream failed: ENOENT/],
    ['a sharp instance of what is no image', () => sharp(Buffer.from('none')), /cannot read what the sharp pipeline gives/],
    ['pixels of another depth', () => ({ data: new Uint8Array(4), info: { format: 'raw', ...raw, depth: 'float' } }), /depth .* float/],
    ['an object', () => ({ path }), /received object/],
    ['null', () => null, /received null/],
  ])('may not be %s', async (_, make, says) => {
    await expect(readImage(make() as ImageInput)).rejects.toEqual(withCode('IMAGE', says));
  });

  it('of a stream that never ends is refused once it is longer than any image of maxPixels', async () => {
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) yield new Uint8Array(2 ** 20);
    }
    await expect(readImage(endless(), { maxPixels: 100 })).rejects.toEqual(withCode('IMAGE', /at most \d+ bytes/));
  });

  it('of a stream that waits is given up when asked to', async () => {
    const [stream, controller] = [new PassThrough(), new AbortController()];
    const reading = readImage(stream, { signal: controller.signal });
    controller.abort(new Error('no more'));
    await expect(reading).rejects.toThrow('no more');
    expect(stream.destroyed).toBe(true);
  });
});

describe('what is not read', () => {
  it('are formats that draw or move, unless they are asked for', async () => {
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="13" height="7"/>');
    const gif = await sharp(file).gif().toBuffer();
    await expect(readImage(svg)).rejects.toEqual(withCode('IMAGE', /png, jpeg, webp, tiff, heif but the given bytes is svg; formats/));
    await expect(readImage(gif)).rejects.toEqual(withCode('IMAGE', /is gif/));
    await expect(readImage(file, { formats: ['jpeg'] })).rejects.toEqual(withCode('IMAGE', /Expected an image of jpeg but .* png/));
    expect(await readImage(svg, { formats: ['svg'] })).toMatchObject({ width: 13, height: 7 });
    expect(await readImage(sharp(gif), { formats: ['jpeg'] })).toMatchObject({ width: 13 });
    expect(await readImage(await sharp(file).avif().toBuffer())).toMatchObject({ width: 13 });
  });

  it('is what has more pixels than allowed, by its header alone', async () => {
    await expect(readImage(file, { maxPixels: 90 })).rejects.toEqual(withCode('IMAGE', /at most 90 pixels .* 13 × 7; maxPixels/));
    expect(await readImage(file, { maxPixels: 91 })).toMatchObject({ width: 13 });
    // A header that promises ten thousand million pixels, and none behind it.
    const bomb = Buffer.from(file);
    bomb.writeUInt32BE(100_000, 16);
    bomb.writeUInt32BE(100_000, 20);
    bomb.writeUInt32BE(crc32(bomb.subarray(12, 29)), 29);
    await expect(readImage(bomb)).rejects.toEqual(withCode('IMAGE', /at most 100000000 pixels but .* 100000 × 100000/));
  });

  it('stays refused where images wait their turn', async () => {
    await using latino = await Latino.load({ model: 'portraits' });
    const options = { operator: denoising(), sigma: 0.1, steps: 1, maxPixels: 90, onWarning: () => undefined };
    await expect(latino.restore(file, options)).rejects.toEqual(withCode('IMAGE'));
    await expect(latino.queue().restore(file, options)).rejects.toEqual(withCode('IMAGE'));
    const { onWarning: _, ...ofMany } = { ...options, maxPixels: 91 };
    const results = [];
    for await (const { error, restored } of latino.restoreMany([createReadStream(path), sharp(file)], ofMany))
      results.push(error ?? restored.width);
    expect(results).toEqual([13, 13]);
    await expect(latino.restore(file, { ...options, formats: ['avif' as never] })).rejects.toThrow(/png, jpeg, .* for formats\[0\]/);
  });
});
