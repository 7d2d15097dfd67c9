import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';
import type { ImageRecord } from '../../src/batch/journal.js';
import { histogram } from '../../src/batch/report/histogram.js';
import { listing } from '../../src/batch/report/listing.js';
import type { PageData } from '../../src/batch/report/page_data.js';
import { writeReport } from '../../src/batch/report/report.js';
import { idOf, makeBatchFolder } from '../support/batch_folder.js';
import { withCode } from '../support/errors.js';

const folders: string[] = [];
const folder = (): string => {
  folders.push(mkdtempSync(join(tmpdir(), 'latino-report-')));
  return folders.at(-1)!;
};
afterAll(() => {
  for (const each of folders) rmSync(each, { recursive: true });
});

const page = (at: string): string => readFileSync(join(at, 'report.html'), 'utf8');
const data = (html: string): PageData =>
  JSON.parse(/<script type="application\/json" id="data">(.*)<\/script>/.exec(html)![1]!) as PageData;
const record = (own: Partial<ImageRecord> & { input: string }): ImageRecord => ({
  kind: 'image',
  id: idOf(own.input),
  output: own.input,
  status: 'done',
  seed: 0,
  seconds: 1,
  finishedAt: '2026-01-01T00:00:00.000Z',
  ...own,
});

describe('writeReport', () => {
  it('lists every image once, as its last line has it, with the run, the totals and the thumbnails', async () => {
    const at = folder();
    const images = [
      { input: 'a.png', psnr: 20 },
      { input: 'b.png', failed: 'Expected an image' },
      { input: 'c.png', warning: 'cut', sigma: 0.03 },
    ];
    await makeBatchFolder(at, images);
    const again = record({ id: idOf('b again'), input: join(at, 'in', 'b.png'), output: 'b.png', finishedAt: '2027-01-01T00:00:00.000Z' });
    writeFileSync(join(at, 'latino-batch.2-of-3.jsonl'), `${JSON.stringify(again)}\n`);

    expect(await writeReport(at)).toEqual({ path: join(at, 'report.html'), images: 3, done: 3, failed: 0, warned: 1 });
    const { rows, runs, totals } = data(page(at));
    expect(rows.map(({ input, status, pictures }) => [input, status, pictures])).toEqual([
      ['a.png', 'done', ['before', 'after']],
      ['b.png', 'done', []],
      ['c.png', 'done', ['before', 'after']],
    ]);
    expect(rows[0]).toMatchObject({ psnr: 20, ssim: 0.5, href: 'a.png', id: idOf('a.png') });
    expect(rows[2]).toMatchObject({ warnings: ['cut'], sigma: 0.03, sigmaEstimated: true });
    expect(rows[0]).not.toHaveProperty('sigma');
    expect(totals).toEqual({ images: 3, done: 3, failed: 0, warned: 1 });
    expect(runs).toEqual([
      {
        startedAt: '2026-01-02T03:04:05.000Z',
        parameters: [
          ['model', 'portraits'],
          ['model digest', 'abc'],
          ['task', 'sr:8'],
          ['sigma', '0.01'],
          ['steps', '8'],
          ['prompt', 'a <b>portrait</b>'],
        ],
      },
    ]);
    const { format, width, height } = await sharp(join(at, 'latino-report', `${idOf('a.png')}-before.webp`)).metadata();
    expect({ format, width, height }).toEqual({ format: 'webp', width: 128, height: 128 });
  });

  it('keeps thumbnails that are there, and removes those of what was done anew in another way', async () => {
    const at = folder();
    await makeBatchFolder(at, [{ input: 'a.png' }, { input: 'b.png' }]);
    await writeReport(at);
    const [kept, stale] = [
      join(at, 'latino-report', `${idOf('a.png')}-after.webp`),
      join(at, 'latino-report', `${idOf('b.png')}-after.webp`),
    ];
    const leftover = join(at, 'latino-report', '.report.html.old.tmp');
    writeFileSync(leftover, '');
    for (const path of [kept, leftover]) utimesSync(path, 1, 1);
    expect(existsSync(stale)).toBe(true);
    const changed = record({
      id: idOf('changed'),
      input: join(at, 'in', 'b.png'),
      output: 'b.png',
      width: 128,
      height: 128,
      finishedAt: '2027',
    });
    appendFileSync(join(at, 'latino-batch.jsonl'), `${JSON.stringify(changed)}\n`);
    await writeReport(at);
    expect(statSync(kept).mtimeMs).toBe(1000);
    const expected = ['a.png', 'changed'].flatMap((name) => [`${idOf(name)}-after.webp`, `${idOf(name)}-before.webp`]);
    expect(readdirSync(join(at, 'latino-report')).sort()).toEqual(expected.sort());
  });

  it('waits for no pipe', async () => {
    const at = folder();
    await makeBatchFolder(at, [{ input: 'pipe.png', failed: 'Expected an image file' }]);
    rmSync(join(at, 'in/pipe.png'));
    execFileSync('mkfifo', [join(at, 'in/pipe.png')]);
    await writeReport(at);
    expect(data(page(at)).rows.map(({ pictures }) => pictures)).toEqual([[]]);
  });

  it('puts names of files into the page as data alone', async () => {
    const at = folder();
    const hostile = '<img src=x onerror=alert(1)>\'"&<!-- $1 $& <\u2215script>.png';
    await makeBatchFolder(at, [{ input: hostile }, { input: 'x.png', failed: '</script><script>alert(1)</script><!-- policy -->' }]);
    await writeReport(at);
    const html = page(at);
    const { rows } = data(html);
    expect(rows.map(({ input }) => input)).toContain(hostile);
    expect(rows.map(({ error }) => error?.message)).toContain('</script><script>alert(1)</script><!-- policy -->');
    expect(html).not.toContain('<img src=x');
    expect(html).not.toContain('<script>alert(1)');
    expect(html.match(/<\/script>/g)).toHaveLength(html.match(/<script/g)!.length);
    expect(decodeURIComponent(rows.find(({ href }) => href)!.href!)).toBe(hostile);
    expect(rows.find(({ href }) => href)!.href).not.toMatch(/[<>"&#?\s]/);
  });

  it('carries the licence of the charts, no address to load from, and less than 1 MB for 100 rows', async () => {
    const at = folder();
    await makeBatchFolder(
      at,
      Array.from({ length: 100 }, (_, k) => ({ input: `${k} ${'long '.repeat(20)}.png`, psnr: 20 + k / 10 })),
    );
    await writeReport(at);
    const html = page(at);
    expect(html).toMatch(/Copyright \(c\) \d+ Leon Sorokin/);
    expect(html).not.toMatch(/(src|href)="?https?:/);
    expect(Buffer.byteLength(html)).toBeLessThan(1e6);
    expect(readdirSync(join(at, 'latino-report'))).toHaveLength(200);
  });

  it('refuses a folder without a journal', async () => {
    await expect(writeReport(folder())).rejects.toEqual(withCode('ARGUMENT', /latino-batch\.jsonl/));
    await expect(writeReport('/nowhere')).rejects.toEqual(withCode('ARGUMENT', /\/nowhere/));
  });
});

describe('listing', () => {
  it('lists all that a page holds by name; of more, the failed, the slowest and the farthest first', () => {
    const images = Array.from({ length: 5000 }, (_, k) => record({ input: String(k).padStart(4, '0'), seconds: k === 4000 ? 9 : 1 }));
    images[3000] = record({ input: '3000', metrics: { psnr: 5, ssim: 0.1 } });
    images[2000] = record({ input: '2000', status: 'failed' });
    expect(listing(images.toReversed()).map(({ input }) => input)).toEqual(images.map(({ input }) => input));
    const some = listing(images, 1500).map(({ input }) => input);
    expect(some.slice(0, 2)).toEqual(['2000', '4000']);
    expect(new Set(some).size).toBe(1500);
    expect(some).toContain('3000');
    expect(some).toContain('1400');
    expect(some).not.toContain('1900');
  });
});

describe('histogram', () => {
  it('counts every finite value in bins of a round width', () => {
    const values = Array.from({ length: 1000 }, (_, k) => Math.sin(k) * 10 + 20);
    const { low, width, counts, count, smallest, largest } = histogram('psnr', [...values, Number.POSITIVE_INFINITY])!;
    expect([1, 2, 5]).toContain(Number((width / 10 ** Math.floor(Math.log10(width) + 1e-9)).toFixed(6)));
    expect(count).toBe(1000);
    counts.forEach((counted, bin) => {
      const inside = values.filter(
        (value) => value >= low + bin * width && (value < low + (bin + 1) * width || (value === largest && bin === counts.length - 1)),
      );
      expect(Math.abs(counted - inside.length)).toBeLessThanOrEqual(1);
    });
    expect(counts.reduce((sum, counted) => sum + counted, 0)).toBe(1000);
    expect([smallest, largest]).toEqual([Math.min(...values), Math.max(...values)]);
  });

  it('takes the middle of the values, one value, equal values, and none', () => {
    expect(histogram('seconds', [3, 1, 2])).toMatchObject({ median: 2 });
    expect(histogram('seconds', [4, 1, 2, 3])).toMatchObject({ median: 2.5, count: 4 });
    for (const value of [0, 5]) expect(histogram('seconds', [value, value])!.counts.reduce((a, b) => a + b)).toBe(2);
    expect(histogram('ssim', [])).toBeUndefined();
  });
});
