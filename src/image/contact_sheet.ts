import type { OverlayOptions } from 'sharp';
import { writeWhole } from '../output_file.js';
import type { Image } from './image.js';
import { asOutlines } from './lettering.js';
import { loadSharp } from './load_sharp.js';
import { encodeImage } from './write.js';

export interface ContactSheet {
  /** A heading for each column. */
  readonly columns: readonly string[];
  readonly rows: readonly { readonly label: string; readonly images: readonly Image[] }[];
}

const MARGIN = 8;
const HEADING = 28;
const LABEL_WIDTH = 190;
const SMALLEST_CELL = 192;
const FONT_SIZE = 15;

/** Writes a PNG with rows of images beside one another, labelled. Small images are enlarged by whole factors, pixels kept. */
export async function writeContactSheet(path: string, { columns, rows }: ContactSheet): Promise<void> {
  const sharp = await loadSharp();
  const images = rows.flatMap((row) => row.images);
  const [cellWidth, cellHeight] = [Math.max(1, ...images.map(({ width }) => width)), Math.max(1, ...images.map(({ height }) => height))];
  const scale = Math.max(1, Math.ceil(SMALLEST_CELL / Math.max(cellWidth, cellHeight)));
  const count = Math.max(columns.length, ...rows.map((row) => row.images.length));
  const left = (column: number): number => LABEL_WIDTH + column * (cellWidth * scale + MARGIN);
  const top = (row: number): number => HEADING + row * (cellHeight * scale + MARGIN);
  const [width, height] = [left(count), top(rows.length)];

  const overlays: OverlayOptions[] = [];
  for (const [r, row] of rows.entries()) {
    for (const [c, image] of row.images.entries()) {
      const enlarged = sharp(await encodeImage(image, 'png')).resize(image.width * scale, image.height * scale, { kernel: 'nearest' });
      overlays.push({ input: await enlarged.png().toBuffer(), left: left(c), top: top(r) });
    }
  }
  const headings = columns.map((column, c) => asOutlines(column, { x: left(c), y: HEADING - 9, size: FONT_SIZE }));
  const labels = rows.map((row, r) => asOutlines(row.label, { x: MARGIN, y: top(r) + (cellHeight * scale) / 2, size: FONT_SIZE }));
  const size = `width="${width}" height="${height}"`;
  const text = `<svg xmlns="http://www.w3.org/2000/svg" ${size} fill="#222">${[...headings, ...labels].join('')}</svg>`;
  const sheet = sharp({ create: { width, height, channels: 3, background: 'white' } }).composite([
    ...overlays,
    { input: Buffer.from(text), left: 0, top: 0 },
  ]);
  await writeWhole(path, await sheet.png().toBuffer());
}
