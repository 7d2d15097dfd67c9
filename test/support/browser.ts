import { existsSync } from 'node:fs';
import axe from 'axe-core';
import { type Browser, launch, type Page } from 'puppeteer-core';

/** Debian's package, or wherever CHROMIUM says; nothing where there is none. */
export const chromium = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  (path) => path !== undefined && existsSync(path),
);

/** Headless, and as root too, which Chromium's sandbox does not allow. */
export const openBrowser = (): Promise<Browser> =>
  launch({ executablePath: chromium, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] });

export interface Opened {
  readonly page: Page;
  /** What the page says on its console, and what it cannot load. */
  readonly complaints: string[];
  /** What it asks of a network. */
  readonly requests: string[];
}

/** Opens a file as a person does. */
export const openFile = (browser: Browser, path: string): Promise<Opened> => openAddress(browser, `file://${encodeURI(path)}`);

export async function openAddress(browser: Browser, address: string): Promise<Opened> {
  const page = await browser.newPage();
  const [complaints, requests]: [string[], string[]] = [[], []];
  page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('requestfailed', (request) => {
    // So Chromium calls a stream of events that was read to its end.
    if (request.failure()?.errorText !== 'net::ERR_ABORTED') complaints.push(`cannot load ${request.url()}`);
  });
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(address);
  return { page, complaints, requests };
}

/** The serious faults that axe finds in the page as it stands, in a light room and, where colours are another matter, in a dark one. */
export async function faults(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const found: string[] = [];
  for (const [value, rules] of [
    ['dark', ['color-contrast']],
    ['light', undefined],
  ] as const) {
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value }]);
    const { violations } = await page.evaluate(
      (runOnly) => (globalThis as unknown as { axe: typeof axe }).axe.run({ resultTypes: ['violations'], ...(runOnly && { runOnly }) }),
      rules && [...rules],
    );
    for (const { id, impact, nodes } of violations)
      if (impact === 'serious' || impact === 'critical') found.push(...nodes.map(({ html }) => `${value}: ${id}: ${html}`));
  }
  return found;
}
