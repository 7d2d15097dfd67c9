import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { INTER } from '../../src/image/inter.js';
import { asOutlines, asText, type Place } from '../../src/image/lettering.js';

const SIZE = 100;

/** The columns from the first to the last that hold ink, where the text is drawn in a frame with x = 0 at column 300. */
async function inked(text: string, anchor: Place['anchor']): Promise<[number, number]> {
  const element = asOutlines(text, { x: 300, y: 150, size: SIZE, anchor });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="600" height="200"><rect width="600" height="200" fill="white"/>${element}</svg>`;
  const { data, info } = await sharp(Buffer.from(svg)).greyscale().raw().toBuffer({ resolveWithObject: true });
  const columns = Array.from({ length: info.width }, (_, x) => x).filter((x) =>
    Array.from({ length: info.height }, (_, y) => data[(y * info.width + x) * info.channels]!).some((value) => value < 128),
  );
  return [columns[0]! - 300, columns.at(-1)! - 300];
}

describe('asOutlines', () => {
  it('needs no font: every printable ASCII character is a shape', () => {
    const all = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join('');
    expect(asOutlines(all, { x: 0, y: 0, size: 12 })).not.toContain('<text');
    expect(Object.keys(INTER).sort().join('')).toBe(all);
    for (const [character, glyph] of Object.entries(INTER)) expect(glyph, character).toMatch(character === ' ' ? /^\d+ $/ : /^\d+ M/);
  });

  it('stands left of, around or right of its place', async () => {
    const [left, right] = await inked('HHH', 'start');
    const width = right - left;
    expect(width).toBeGreaterThan(1.8 * SIZE);
    expect(left).toBeGreaterThanOrEqual(0);
    expect((await inked('HHH', 'end'))[1]).toBeLessThanOrEqual(0);
    const [from, to] = await inked('HHH', 'middle');
    expect(Math.abs(from + to)).toBeLessThanOrEqual(2);
  });

  it('leaves other scripts to the fonts that there are', () => {
    const place = { x: 1, y: 2, size: 12 };
    expect(asOutlines('写真.png', place)).toBe(asText('写真.png', place));
  });
});

describe('asText', () => {
  it('escapes what SVG would read as markup', () => {
    expect(asText('<a & "b">', { x: 1, y: 2, size: 12 })).toContain('>&#60;a &#38; &#34;b&#34;&#62;<');
  });
});
