import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeReport } from '../../src/batch/report/report.js';
import { type MadeUp, makeBatchFolder } from '../support/batch_folder.js';
import { chromium, openBrowser, openFile } from '../support/browser.js';

const HOSTILE = '<img src=x onerror="document.title=1">.png';
const IMAGES: readonly MadeUp[] = [
  ...Array.from({ length: 116 }, (_, k) => ({
    input: `portrait ${k}.png`,
    seconds: 0.1 + ((k * 37) % 100) / 100,
    psnr: 20 + ((k * 53) % 97) / 10,
  })),
  { input: HOSTILE, seconds: 0.05, psnr: 19, warning: 'The prompt is cut' },
  { input: 'equal.png', psnr: null, sigma: 0.01234 },
  { input: 'broken.png', failed: '<b>Expected</b> an image' },
  { input: 'empty.png', failed: 'Expected an image but received nothing' },
];

describe.skipIf(!chromium)(`report.html in a browser${chromium ? '' : ' (skipped: there is no Chromium here)'}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'latino-page-'));
  let browser: Browser;
  let page: Page;
  let complaints: string[];
  let requests: string[];
  beforeAll(async () => {
    await makeBatchFolder(folder, IMAGES);
    await writeReport(folder);
    browser = await openBrowser();
    ({ page, complaints, requests } = await openFile(browser, join(folder, 'report.html')));
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true });
  });

  const texts = (selector: string): Promise<string[]> => page.$$eval(selector, (found) => found.map((each) => each.textContent ?? ''));
  const column = (n: number): Promise<string[]> => texts(`tbody td:nth-child(${n})`);
  const heading = (label: string) => page.locator(`th button::-p-text(${label})`);
  const place = (): Promise<string[]> => texts('#place');

  it('says how many were restored and which failed, and draws the distributions', async () => {
    expect(await texts('#tiles dd')).toEqual([
      '118',
      '2',
      '1',
      expect.stringMatching(/^0\.\d\d s$/),
      expect.stringMatching(/ dB$/),
      expect.any(String),
    ]);
    expect(await texts('#failed-list li')).toEqual([
      expect.stringContaining('broken.png<b>Expected</b> an image'),
      expect.stringContaining('empty.png'),
    ]);
    expect((await texts('#slowest-list .value'))[0]).toBe('1.09 s');
    expect(await texts('value-histogram h3')).toEqual(['Time, seconds an image', 'PSNR, dB', 'SSIM']);
    const inked = await page.$$eval('value-histogram canvas', (canvases) =>
      canvases.map((canvas) => {
        const { width, height } = canvas;
        return canvas
          .getContext('2d')!
          .getImageData(0, 0, width, height)
          .data.filter((value, i) => i % 4 === 3 && value > 0).length;
      }),
    );
    expect(inked).toHaveLength(3);
    for (const pixels of inked) expect(pixels).toBeGreaterThan(1000);
    expect(await texts('#runs dd')).toContain('a <b>portrait</b>');
  });

  it('sorts its table by a heading that is pressed, and back by another press', async () => {
    expect((await column(2)).slice(0, 2)).toEqual([expect.stringContaining('<img'), expect.stringContaining('broken')]);
    const seconds = async (): Promise<number[]> => (await column(5)).map(Number.parseFloat);
    await heading('Time').click();
    const ascending = await seconds();
    expect(ascending).toEqual(ascending.toSorted((a, b) => a - b));
    expect(ascending[0]).toBe(0.05);
    await heading('Time').click();
    expect((await seconds())[0]).toBe(1.09);
    expect(await page.$$eval('th[aria-sort]', (found) => found.map((th) => [th.textContent, th.getAttribute('aria-sort')]))).toEqual([
      ['Time', 'descending'],
    ]);
    await heading('PSNR').click();
    await heading('PSNR').click();
    expect((await column(6)).slice(0, 1)).toEqual(['equal']);
    await heading('Noise').click();
    // Those of which none is known come last.
    expect((await column(9)).slice(0, 2)).toEqual(['0.012 (estimated)', '']);
    await heading('Image').click();
    // As a person counts.
    expect((await column(2)).slice(13, 15)).toEqual(['portrait 9.png', 'portrait 10.png']);
  });

  it('goes through its pages, finds part of a name, and lists what failed', async () => {
    expect(await place()).toEqual(['1 to 50 of 120']);
    await page.click('#next');
    await page.click('#next');
    expect(await place()).toEqual(['101 to 120 of 120']);
    expect(await page.$eval('#next', (next) => (next as HTMLButtonElement).disabled)).toBe(true);
    await page.type('input[name=text]', 'portrait 11');
    expect(await place()).toEqual(['1 to 7 of 7']);
    await page.click('#show-failed');
    expect(await place()).toEqual(['1 to 2 of 2']);
    expect(await column(3)).toEqual(['failed', 'failed']);
    await page.select('select[name=status]', 'warned');
    expect(await column(2)).toEqual([`${HOSTILE}The prompt is cut`]);
    await page.select('select[name=status]', 'all');
  });

  it('opens an image whose slider a mouse and the keys move; the keys go on to the next', async () => {
    await page.select('select[name=sort]', 'seconds up');
    await page.keyboard.press('Escape');
    await page.focus('tbody .thumbnail');
    await page.keyboard.press('Enter');
    expect(await texts('dialog h2')).toEqual([`${HOSTILE}`]);
    const share = (): Promise<string> =>
      page.$eval('dialog before-after', (element) => (element as HTMLElement).style.getPropertyValue('--at'));
    const clipped = (): Promise<string> => page.$eval('dialog .before', (image) => getComputedStyle(image).clipPath);
    expect(await share()).toBe('50%');
    const undragged = await clipped();
    await page.waitForFunction(() =>
      [...document.querySelectorAll<HTMLImageElement>('dialog img')].every(({ naturalWidth }) => naturalWidth > 0),
    );
    const box = (await (await page.$('dialog before-after'))!.boundingBox())!;
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 4, box.y + box.height / 2, { steps: 5 });
    await page.mouse.up();
    const dragged = Number.parseInt(await share(), 10);
    expect(dragged).toBeGreaterThan(20);
    expect(dragged).toBeLessThan(30);
    expect(await clipped()).not.toBe(undragged);
    await page.keyboard.press('ArrowRight');
    expect(Number.parseInt(await share(), 10)).toBe(dragged + 1);
    await page.focus('dialog header button:last-child');
    await page.keyboard.press('ArrowRight');
    expect((await texts('dialog h2'))[0]).not.toContain(HOSTILE);
    await page.keyboard.press('Escape');
    expect(await page.$('dialog[open]')).toBeNull();
  });

  it('shows pictures in place of the table, and fits a phone', async () => {
    await page.click('input[value=pictures]');
    await page.setViewport({ width: 360, height: 740 });
    expect(await page.$$('image-grid before-after')).toHaveLength(50);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
    await page.click('input[value=table]');
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
  });

  it('asks nothing of a network, runs no script but its own, and complains of nothing', async () => {
    expect(await page.title()).toMatch(/^Restored images: latino-page-/);
    expect(requests.filter((url) => !url.startsWith('file:'))).toEqual([]);
    expect(complaints).toEqual([]);
    await page.evaluate(() => {
      const script = document.createElement('script');
      script.textContent = 'document.title = "taken over"';
      document.body.append(script);
    });
    expect(await page.title()).toMatch(/^Restored images/);
    expect(complaints).toEqual([expect.stringContaining('Content Security Policy')]);
  });
});
