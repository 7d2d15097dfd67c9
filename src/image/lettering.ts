import { INTER } from './inter.js';

/** Where a line of text stands in a drawing. */
export interface Place {
  readonly x: number;
  /** Of the base line. */
  readonly y: number;
  readonly size: number;
  /** Which end of the line, or its middle, is at x; its start unless told otherwise. */
  readonly anchor?: 'start' | 'middle' | 'end';
}

/** A line of text as an SVG element. */
export type Lettering = (text: string, place: Place) => string;

/** Text in a typeface of whoever looks at the drawing. */
export const asText: Lettering = (text, { x, y, size, anchor = 'start' }) => {
  const escaped = text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" font-family="sans-serif" font-size="${size}">${escaped}</text>`;
};

const GLYPHS = new Map(Object.entries(INTER).map(([character, glyph]) => [character, parseGlyph(glyph)]));
const START = { start: 0, middle: 0.5, end: 1 };

/**
 * Text as shapes, for drawings that become pixels here: servers and containers often have no fonts, and each letter would be an
 * empty box. Lines that are not ASCII are left to the fonts that there are.
 */
export const asOutlines: Lettering = (text, place) => {
  const letters: string[] = [];
  let width = 0;
  for (const character of text) {
    const glyph = GLYPHS.get(character);
    if (!glyph) return asText(text, place);
    letters.push(`<path transform="translate(${width})" d="${glyph.outline}"/>`);
    width += glyph.advance;
  }
  const { x, y, size, anchor = 'start' } = place;
  const scale = size / 1000;
  return `<g transform="translate(${x - width * scale * START[anchor]} ${y}) scale(${scale})">${letters.join('')}</g>`;
};

function parseGlyph(glyph: string): { advance: number; outline: string } {
  const space = glyph.indexOf(' ');
  return { advance: Number(glyph.slice(0, space)), outline: glyph.slice(space + 1) };
}
