import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';
import { assertChartWritable, writeLineChart } from '../../src/image/index.js';
import { lineChartSvg } from '../../src/image/line_chart.js';

const folder = mkdtempSync(join(tmpdir(), 'latino-chart-'));
afterAll(() => rmSync(folder, { recursive: true }));

const chart = (...values: number[]) => ({ title: 'a < b & "c"', xLabel: 'pass', curves: [{ label: 'value', values }] });
const texts = (svg: string): string[] => [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, content]) => content!);
const numbers = (svg: string): string[] => texts(svg).filter((content) => /^-?[\d.]/.test(content));
const points = (svg: string): number[][] =>
  [...svg.matchAll(/<circle cx="([-\d.]+)" cy="([-\d.]+)"/g)].map(([, x, y]) => [Number(x), Number(y)]);

describe('lineChartSvg', () => {
  it('names and numbers its axes, evenly and around the values', () => {
    expect(numbers(lineChartSvg(chart(-12, -3, 7)))).toEqual(['-15', '-10', '-5', '0', '5', '10', '1', '2', '3']);
    expect(numbers(lineChartSvg(chart(0.012, 0.018)))).toEqual(['0.012', '0.014', '0.016', '0.018', '1', '2']);
    expect(texts(lineChartSvg(chart(1, 2)))).toEqual(expect.arrayContaining(['a &#60; b &#38; &#34;c&#34;', 'value', 'pass']));
  });

  it('places higher values higher, at the height of their numbers', () => {
    const svg = lineChartSvg(chart(0, 10, 5));
    const [[left, bottom], [middle, top], [right, half]] = points(svg) as [number[], number[], number[]] as [
      [number, number],
      [number, number],
      [number, number],
    ];
    expect(middle - left).toBe(right - middle);
    expect(half).toBe((top + bottom) / 2);
    expect(svg).toContain(`<path d="M0 ${top}H600" stroke="#ddd"/><text x="-8" y="${top + 4}" text-anchor="end"`);
    expect(svg).toMatch(new RegExp(`<text x="-8" y="${top + 4}" [^>]*>10</text>`));
  });

  it.each([[[5]], [[0]], [[3, 3, 3]], [[-1e-9, 1e-9]], [[1e9, 1e9 + 1]], [Array.from({ length: 1000 }, (_, i) => Math.sin(i))]])(
    'draws %j',
    (values) => {
      const svg = lineChartSvg(chart(...values));
      expect(svg).not.toMatch(/NaN|Infinity|undefined/);
      expect(points(svg)).toHaveLength(values.length);
      for (const [x, y] of points(svg)) {
        expect(x).toBeGreaterThanOrEqual(0);
        expect(x).toBeLessThanOrEqual(600);
        expect(y).toBeGreaterThanOrEqual(0);
        expect(y).toBeLessThanOrEqual(200);
      }
      expect(new Set(numbers(svg)).size).toBeGreaterThan(1);
    },
  );
});

describe('writeLineChart', () => {
  it('writes SVG and PNG by the extension', async () => {
    await writeLineChart(join(folder, 'a.svg'), chart(1, 2));
    await writeLineChart(join(folder, 'a.PNG'), chart(1, 2));
    expect(readFileSync(join(folder, 'a.svg'), 'utf8')).toBe(lineChartSvg(chart(1, 2)));
    const { format, width, height } = await sharp(join(folder, 'a.PNG')).metadata();
    const drawn = await sharp(join(folder, 'a.svg')).metadata();
    expect({ format, width, height }).toEqual({ format: 'png', width: 2 * drawn.width, height: 2 * drawn.height });
    expect((await sharp(join(folder, 'a.PNG')).stats()).isOpaque).toBe(true);
    expect(readdirSync(folder).sort()).toEqual(['a.PNG', 'a.svg']);
  });

  it('refuses other extensions and places that cannot be written', async () => {
    for (const path of ['a.jpg', 'a', join(folder, 'none/a.svg')]) {
      const refused = expect.objectContaining({ code: 'ERR_LATINO_OUTPUT' });
      await expect(assertChartWritable(path)).rejects.toThrow(refused);
      await expect(writeLineChart(path, chart(1, 2))).rejects.toThrow(refused);
    }
  });
});
