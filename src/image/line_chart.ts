import { extname } from 'node:path';
import { LatinoError } from '../errors.js';
import { assertFileWritable, writeWhole } from '../output_file.js';
import { asOutlines, asText, type Lettering } from './lettering.js';
import { loadSharp } from './load_sharp.js';

export interface LineChart {
  readonly title: string;
  /** What the positions 1, 2, ... of the values are. */
  readonly xLabel: string;
  /** One panel each, one below the other; all of the same length. */
  readonly curves: readonly { readonly label: string; readonly values: readonly number[] }[];
}

const WIDTH = 720;
const PANEL = { left: 96, right: 24, top: 40, height: 200, bottom: 52 };
const INNER_WIDTH = WIDTH - PANEL.left - PANEL.right;
const PANEL_HEIGHT = PANEL.top + PANEL.height + PANEL.bottom;
const TITLE_HEIGHT = 36;
const FONT_SIZE = 13;
const TITLE_SIZE = 16;
/** Pixels of a PNG per unit of the drawing. */
const PNG_SCALE = 2;

/**
 * Writes the chart as SVG or PNG, by the file's extension. The file appears whole or not at all.
 *
 * @throws LatinoError ERR_LATINO_OUTPUT when the extension is another or the file cannot be written
 */
export async function writeLineChart(path: string, chart: LineChart): Promise<void> {
  const png = formatOf(path) === '.png';
  const svg = Buffer.from(lineChartSvg(chart, png ? asOutlines : asText));
  await writeWhole(path, png ? await rasterized(svg) : svg);
}

async function rasterized(svg: Buffer): Promise<Buffer> {
  const sharp = await loadSharp();
  return sharp(svg, { density: 72 * PNG_SCALE })
    .flatten({ background: 'white' })
    .png()
    .toBuffer();
}

/** Throws now what `writeLineChart` would throw after the work is done. */
export async function assertChartWritable(path: string): Promise<void> {
  formatOf(path);
  await assertFileWritable(path);
}

function formatOf(path: string): '.svg' | '.png' {
  const extension = extname(path).toLowerCase();
  if (extension !== '.svg' && extension !== '.png')
    throw new LatinoError('ERR_LATINO_OUTPUT', `Expected .svg or .png as the chart's extension but received ${path}`);
  return extension;
}

export function lineChartSvg({ title, xLabel, curves }: LineChart, letter: Lettering = asText): string {
  const height = TITLE_HEIGHT + curves.length * PANEL_HEIGHT;
  const panels = curves.map(
    (curve, i) =>
      `<g transform="translate(${PANEL.left} ${TITLE_HEIGHT + i * PANEL_HEIGHT + PANEL.top})">${panel(curve, xLabel, letter)}</g>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" fill="#222">`,
    '<rect width="100%" height="100%" fill="white"/>',
    letter(title, { x: WIDTH / 2, y: 24, size: TITLE_SIZE, anchor: 'middle' }),
    ...panels,
    '</svg>\n',
  ].join('');
}

/** Axes with numbers, the curve and its name, in a frame whose origin is the top left of the plot. */
function panel({ label, values }: LineChart['curves'][number], xLabel: string, letter: Lettering): string {
  const xTicks = ticks(1, values.length, 10).filter((tick) => Number.isInteger(tick) && tick >= 1 && tick <= values.length);
  const yTicks = ticks(Math.min(...values), Math.max(...values), 5);
  const [low, high] = [yTicks[0]!, yTicks.at(-1)!];
  const x = (position: number): number =>
    rounded(values.length === 1 ? INNER_WIDTH / 2 : ((position - 1) / (values.length - 1)) * INNER_WIDTH);
  const y = (value: number): number => rounded(((high - value) / (high - low)) * PANEL.height);
  const points = values.map((value, i) => [x(i + 1), y(value)] as const);
  const centred = { size: FONT_SIZE, anchor: 'middle' } as const;
  return [
    ...yTicks.map((tick) => {
      const name = letter(number(tick, yTicks), { x: -8, y: y(tick) + 4, size: FONT_SIZE, anchor: 'end' });
      return `<path d="M0 ${y(tick)}H${INNER_WIDTH}" stroke="#ddd"/>${name}`;
    }),
    ...xTicks.map((tick) => {
      const name = letter(String(tick), { x: x(tick), y: PANEL.height + 20, ...centred });
      return `<path d="M${x(tick)} ${PANEL.height}v5" stroke="#222"/>${name}`;
    }),
    `<path d="M0 0V${PANEL.height}H${INNER_WIDTH}" fill="none" stroke="#222"/>`,
    `<polyline points="${points.map((point) => point.join(',')).join(' ')}" fill="none" stroke="#1f6fb4" stroke-width="2"/>`,
    ...points.map(([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="3" fill="#1f6fb4"/>`),
    letter(label, { x: 0, y: -12, size: FONT_SIZE + 1 }),
    letter(xLabel, { x: INNER_WIDTH / 2, y: PANEL.height + 40, ...centred }),
  ].join('');
}

/** Round numbers, evenly spaced, at most about `count`, the first not above `low` and the last not below `high`. */
export function ticks(low: number, high: number, count: number): number[] {
  const span = high - low || Math.abs(high) || 1;
  const rough = span / count;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = magnitude * [1, 2, 5, 10].find((factor) => factor * magnitude >= rough * (1 - 1e-9))!;
  const [first, last] = [Math.floor(low / step + 1e-9), Math.ceil(high / step - 1e-9)];
  return Array.from({ length: Math.max(last - first, 1) + 1 }, (_, i) => (first + i) * step);
}

/** With as many decimals as tell the ticks apart. */
function number(value: number, [first, second]: readonly number[]): string {
  const decimals = Math.max(0, -Math.floor(Math.log10(second! - first!) + 1e-9));
  return decimals > 6 ? value.toExponential(2) : value.toFixed(decimals).replace(/^-(0(\.0*)?)$/, '$1');
}

const rounded = (value: number): number => Math.round(value * 100) / 100;
