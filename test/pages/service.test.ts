import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser, ElementHandle, Page } from 'puppeteer-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { degrade, Latino, superResolution } from '../../src/index.js';
import { createService, type Service } from '../../src/service/index.js';
import { chromium, faults, type Opened, openAddress, openBrowser } from '../support/browser.js';
import { commandLine, portraits, root } from '../support/cli.js';

const TOKEN = 'a-token-of-the-tests';

describe.skipIf(!chromium)(`the page of the service in a browser${chromium ? '' : ' (skipped: there is no Chromium here)'}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'latino-service-page-'));
  const small = join(folder, 'small.png');
  let latino: Latino;
  let service: Service;
  let address: string;
  let browser: Browser;
  beforeAll(async () => {
    latino = await Latino.load({ model: 'portraits' });
    service = await createService(latino, { modelName: 'portraits' });
    address = await service.app.listen({ port: 0 });
    browser = await openBrowser();
    await browser.defaultBrowserContext().overridePermissions(address, ['clipboard-read', 'clipboard-write', 'clipboard-sanitized-write']);
    const measured = await degrade(join(portraits, 'samples/02.png'), { operator: superResolution({ factor: 4 }), sigma: 0.02 });
    await measured.toFile(small);
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(root, join(folder, 'node_modules/latino-native'));
  });
  afterAll(async () => {
    await browser?.close();
    await service?.[Symbol.asyncDispose]();
    await latino?.dispose();
    rmSync(folder, { recursive: true });
  });

  /** The page, and what it complained of: nothing, unless a test says so. */
  async function open(at = address, viewport = { width: 1280, height: 860 }): Promise<Opened> {
    const opened = await openAddress(browser, at);
    const { page } = opened;
    page.setDefaultTimeout(90_000); // of a machine that has much else to do
    await page.setViewport(viewport);
    if (at === address) await page.waitForSelector('task-form label');
    return opened;
  }
  const text = (page: Page, selector: string): Promise<string> => page.$eval(selector, ({ textContent }) => textContent ?? '');
  const says = (page: Page, selector: string, words: string): Promise<unknown> =>
    page.waitForFunction((at, pattern) => new RegExp(pattern).test(document.querySelector(at)?.textContent ?? ''), {}, selector, words);
  const wide = (page: Page): Promise<number> => page.evaluate(() => document.documentElement.scrollWidth);

  /** As a person's hand does it, with a file of the disk. */
  async function drop(page: Page, path: string): Promise<void> {
    const session = await page.createCDPSession();
    const data = { items: [], files: [path], dragOperationsMask: 1 };
    for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
      await session.send('Input.dispatchDragEvent', { type, x: 200, y: 300, data });
    await session.detach();
  }

  it('restores a picture that is dropped, compares and downloads it; its command and its code give the same', async () => {
    const { page, complaints, requests } = await open();
    expect(await faults(page)).toEqual([]);
    await drop(page, small);
    await says(page, '#noise-note', 'Found|guess');
    const found = Number(await page.$eval('#noise', (input) => (input as HTMLInputElement).value));
    expect(found).toBeGreaterThan(0.01);
    expect(found).toBeLessThan(0.04);
    await page.type('#prompt', 'a portrait of a person with white hair');
    await page.click('summary');
    await page.type('#steps', '3');
    const asked = page.waitForResponse((response) => response.request().method() === 'POST' && response.url().endsWith('/v1/restorations'));
    await page.click('#go');
    const { id } = (await (await asked).json()) as { id: string };
    await says(page, '#status', '^Restored: 128 × 128, 3 steps');
    expect(await page.$$('step-strip button')).not.toHaveLength(0);

    await page.waitForFunction(() =>
      [...document.querySelectorAll<HTMLImageElement>('#compared img')].every((image) => image.naturalWidth > 0),
    );
    const clipped = (): Promise<string> => page.$eval('#compared .before', (image) => getComputedStyle(image).clipPath);
    const before = await clipped();
    const box = (await (await page.$('#compared'))!.boundingBox())!;
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 4, box.y + box.height / 2, { steps: 4 });
    await page.mouse.up();
    expect(await clipped()).not.toBe(before);
    await page.click('#looking input[value=pixels]');
    expect(await page.$eval('#compared .before', (image) => getComputedStyle(image).imageRendering)).toBe('pixelated');
    expect(await faults(page)).toEqual([]);

    const image = Buffer.from(await (await fetch(`${address}/v1/restorations/${id}/image`)).arrayBuffer());
    expect(await download(page)).toEqual(image);
    await expectSameElsewhere(page, image);
    expect(complaints).toEqual([]);
    expect(requests.filter((url) => ![address, 'blob:', 'data:'].some((own) => url.startsWith(own)))).toEqual([]);
    await page.close();
    // Nothing is left of it once the page is.
    await expect.poll(async () => (await fetch(`${address}/v1/restorations/${id}`)).status).toBe(404);
  });

  /** What is copied from the page makes the same picture of the files in the folder. */
  async function expectSameElsewhere(page: Page, image: Buffer): Promise<void> {
    writeFileSync(join(folder, 'same.mjs'), await copied(page, '#code'));
    const shell = `npx() { shift; '${commandLine.join("' '")}' "$@"; }\n${await copied(page, '#command')}`;
    const expected = await sharp(image).raw().toBuffer();
    for (const [program, ...words] of [
      [process.execPath, 'same.mjs'],
      ['sh', '-c', shell],
    ] as const) {
      await promisify(execFile)(program, words, { cwd: folder });
      const made = await sharp(join(folder, 'small-restored.png')).raw().toBuffer();
      expect(made.equals(expected)).toBe(true);
      rmSync(join(folder, 'small-restored.png'));
    }
  }

  async function copied(page: Page, selector: string): Promise<string> {
    await page.click(`${selector} button`);
    await says(page, `${selector} button`, 'Copied');
    return page.evaluate(() => navigator.clipboard.readText());
  }

  /** What the download link gives, as the file that it becomes. */
  async function download(page: Page): Promise<Buffer> {
    const session = await browser.target().createCDPSession();
    await session.send('Browser.setDownloadBehavior', { behavior: 'allow', downloadPath: folder, eventsEnabled: true });
    const done = new Promise<void>((resolve) => {
      session.on('Browser.downloadProgress', ({ state }) => state === 'completed' && resolve());
    });
    await page.click('#download');
    await done;
    const path = join(folder, 'small-restored.png');
    const bytes = readFileSync(path);
    rmSync(path);
    return bytes;
  }

  it.each([
    ['inpaint', 'mask', [0, 0, 255, 255]],
    ['deblur:kernel', 'kernel', [0, 64, 255, 128]],
  ] as const)('takes the file that %s needs, and so do its command and its code', async (task, name, levels) => {
    const second = join(folder, `${name}.png`);
    // A mask has the size of the picture, of which it hides the lower half.
    await sharp(Uint8Array.from(levels), { raw: { width: 2, height: 2, channels: 1 } })
      .resize(task === 'inpaint' ? { width: 32, height: 32, kernel: 'nearest' } : {})
      .toFile(second);
    const { page, complaints } = await open();
    await drop(page, small);
    await page.click(`task-form input[value="${task}"]`);
    await page.waitForSelector('file-field');
    await page.click('#go'); // which goes nowhere without the file
    expect(await page.$eval('file-field input', (input) => (input as HTMLInputElement).validity.valueMissing)).toBe(true);
    expect(await text(page, '#status')).toBe('');
    const input = (await page.$('file-field input')) as ElementHandle<HTMLInputElement>;
    await input.uploadFile(second);
    await says(page, 'file-field', `${name}\\.png`);
    await says(page, '#noise-note', 'Found|guess');
    await page.$eval('#steps', (steps) => Object.assign(steps, { value: '1' }));
    expect(await faults(page)).toEqual([]);
    const asked = page.waitForResponse((response) => response.request().method() === 'POST' && response.url().endsWith('/v1/restorations'));
    await page.click('#go');
    const { id } = (await (await asked).json()) as { id: string };
    await says(page, '#status', '^Restored: 32 × 32, 1 step');
    // Another task and back: the file is still chosen.
    await page.click('task-form input[value=denoise]');
    await page.click(`task-form input[value="${task}"]`);
    expect(await text(page, 'file-field')).toContain(`${name}.png`);
    await expectSameElsewhere(page, Buffer.from(await (await fetch(`${address}/v1/restorations/${id}/image`)).arrayBuffer()));
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('stops half-way, and begins again', async () => {
    const { page, complaints } = await open();
    await drop(page, join(portraits, 'samples/03.png'));
    await says(page, '#noise-note', 'Found|guess');
    await page.$eval('#steps', (input) => Object.assign(input, { value: '50' }));
    await page.click('#go');
    await page.waitForSelector('step-strip button');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('stop');
    expect(await faults(page)).toEqual([]);
    await page.keyboard.press('Enter');
    await says(page, '#status', '^Stopped after step \\d+ of 50');
    expect(Number(/\d+/.exec(await text(page, '#status'))![0])).toBeLessThan(50);
    await expect.poll(() => service.restorations.running).toBe(0);
    expect(await page.$('#download:not([hidden])')).toBeNull();
    await page.$eval('#steps', (input) => Object.assign(input, { value: '1' }));
    await page.click('task-form input[value=denoise]');
    await page.click('#go');
    await says(page, '#status', '^Restored: 128 × 128, 1 step,');
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('damages a good picture first, where it is drawn, and compares what comes of it with the original', async () => {
    const { page, complaints } = await open();
    await page.click('.samples button:nth-child(2)');
    await says(page, '#go', 'Damage it');
    await page.click('task-form input[value^="inpaint:box"]');
    await page.waitForSelector('#hole:not([hidden])');
    const box = (await (await page.$('#given'))!.boundingBox())!;
    const at = (x: number, y: number): [number, number] => [box.x + x * box.width, box.y + y * box.height];
    await page.mouse.move(...at(0.1, 0.1));
    await page.mouse.down();
    await page.mouse.move(...at(0.35, 0.6), { steps: 4 });
    await page.mouse.up();
    const drawn = await page.$$eval('task-form number-field input', (inputs) => inputs.map((input) => Number(input.value)));
    for (const [index, share] of [0.1, 0.1, 0.5, 0.25].entries()) expect(Math.abs(drawn[index]! - share * 128)).toBeLessThanOrEqual(2);
    expect(await faults(page)).toEqual([]);
    await page.click('#go');
    await says(page, '#name', 'black-hair-damaged\\.png');
    expect((await text(page, '#command code')).replaceAll(/ \\\n */g, ' ')).toMatch(
      new RegExp(`degrade black-hair\\.webp --task inpaint:box:${drawn.join(':')} --sigma 0\\.02`),
    );
    await page.$eval('#steps', (input) => Object.assign(input, { value: '2' }));
    await page.click('#go');
    await says(page, '#status', '^Restored');
    await page.click('#looking input[value=original]');
    expect(await text(page, '#compared .left')).toBe('original');
    await page.click('#back');
    await says(page, '#name', 'black-hair\\.webp');
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('works by keyboard alone', async () => {
    const { page, complaints } = await open();
    const active = (selector: string): Promise<boolean> => page.evaluate((at) => document.activeElement?.matches(at) ?? false, selector);
    const tabTo = async (selector: string): Promise<void> => {
      for (let presses = 0; presses < 40 && !(await active(selector)); presses++) await page.keyboard.press('Tab');
      expect(await active(selector), selector).toBe(true);
    };
    const chosen = page.waitForFileChooser();
    await tabTo('input[type=file]');
    await page.keyboard.press('Enter');
    const chooser = await chosen;
    await chooser.accept([join(portraits, 'samples/03.png')]);
    await page.waitForSelector('#work:not([hidden])');
    await tabTo('input[name=task]');
    for (let presses = 0; presses < 8 && !(await active('[value^="inpaint:box"]')); presses++) await page.keyboard.press('ArrowDown');
    await page.keyboard.down('Shift');
    for (let presses = 0; presses < 40 && !(await active('.hole')); presses++) await page.keyboard.press('Tab');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.up('Shift');
    await page.keyboard.press('ArrowUp');
    const box = await page.$$eval('task-form number-field input', (inputs) => inputs.map((input) => input.value));
    expect(box).toEqual(['40', '42', '43', '45']);
    await tabTo('summary');
    await page.keyboard.press('Enter');
    await tabTo('#steps');
    await page.keyboard.type('1');
    await page.keyboard.press('Enter');
    await says(page, '#status', '^Restored');
    // Whoever pressed Stop's place goes on at the slider.
    expect(await active('#compared input')).toBe(true);
    await page.keyboard.press('ArrowRight');
    expect(await page.$eval('#compared', (element) => (element as HTMLElement).style.getPropertyValue('--at'))).toBe('51%');
    await tabTo('#download');
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('says what the service refuses in its sentence, and goes on', async () => {
    const { page, complaints } = await open();
    const notes = join(folder, 'notes.png');
    writeFileSync(notes, 'no picture');
    const refusal = async (path: string, task: string): Promise<string> => {
      const form = new FormData();
      form.append('task', task);
      form.append('file', new Blob([readFileSync(path)]), 'a.png');
      const { error } = (await (await fetch(`${address}/v1/noise`, { method: 'POST', body: form })).json()) as {
        error: { message: string };
      };
      return error.message;
    };
    const shows = (sentence: string): Promise<unknown> =>
      page.waitForFunction((said) => document.getElementById('error')?.textContent === said, {}, sentence);
    await drop(page, notes);
    await shows(await refusal(notes, 'sr:4'));
    expect(await faults(page)).toEqual([]);
    await drop(page, small);
    await shows('');
    await page.$eval('number-field input', (input) =>
      Object.assign(input, { value: '99' }).dispatchEvent(new Event('input', { bubbles: true })),
    );
    await page.click('#go');
    await shows(await refusal(small, 'sr:99'));
    // Four times as large it would have more pixels than the service takes.
    const large = join(folder, 'large.png');
    await sharp({ create: { width: 700, height: 600, channels: 3, background: 'teal' } }).toFile(large);
    await drop(page, large);
    await page.waitForSelector('#large:not([hidden])');
    await page.click('#shrink');
    await says(page, '#name', 'large-smaller\\.png');
    const [width, height] = (await text(page, '#facts')).split(' × ').map(Number);
    expect(width! * height! * 99 ** 2).toBeLessThanOrEqual(4 * 2 ** 20);
    expect(Math.abs(width! / height! - 7 / 6)).toBeLessThan(0.2);
    // The browser itself notes on the console whatever is answered by 4xx.
    for (const complaint of complaints) expect(complaint).toMatch(/status of 4\d\d/);
    await page.close();
  });

  it('asks for the token, again where it is not the one', async () => {
    await using guarded = await createService(latino, { modelName: 'portraits', token: TOKEN });
    const { page, complaints } = await open(await guarded.app.listen({ port: 0 }));
    await page.waitForSelector('dialog[open]');
    expect(await faults(page)).toEqual([]);
    await page.type('#token', 'another-token-than-it');
    await page.keyboard.press('Enter');
    await says(page, '#token-note', 'not it');
    await page.type('#token', TOKEN);
    await page.keyboard.press('Enter');
    await page.waitForSelector('task-form label');
    await drop(page, small);
    await page.click('#go');
    await says(page, '#status', '^Restored');
    for (const complaint of complaints) expect(complaint).toMatch(/status of 401|\[DOM\]/);
    await page.close();
  });

  it('takes up a connection that breaks', async () => {
    const { page } = await open();
    await drop(page, small);
    await says(page, '#noise-note', 'Found|guess');
    let broken = 0;
    await page.setRequestInterception(true);
    page.on('request', (request) => {
      if (request.url().endsWith('/events') && broken++ === 0) void request.abort('connectionreset');
      else void request.continue();
    });
    await page.click('#go');
    await says(page, '#status', '^Restored');
    expect(broken).toBe(2);
    await page.close();
  });

  it('is pasted a picture, and fits a phone in every state', async () => {
    const { page, complaints } = await open(address, { width: 390, height: 844 });
    expect(await wide(page)).toBe(390);
    await page.evaluate(
      (bytes) => {
        const clipboardData = new DataTransfer();
        clipboardData.items.add(new File([new Uint8Array(bytes)], 'small.png', { type: 'image/png' }));
        document.dispatchEvent(new ClipboardEvent('paste', { clipboardData }));
      },
      [...readFileSync(small)],
    );
    await says(page, '#noise-note', 'Found|guess');
    expect(await wide(page)).toBe(390);
    await page.$eval('#steps', (input) => Object.assign(input, { value: '1' }));
    await page.click('#go');
    await says(page, '#status', '^Restored');
    expect(await wide(page)).toBe(390);
    expect(await faults(page)).toEqual([]);
    expect(complaints).toEqual([]);
    await page.close();
  });
});
