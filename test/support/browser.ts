import { existsSync } from 'node:fs';
import { type Browser, launch, type Page } from 'puppeteer-core';

/** Debian's package, or wherever CHROMIUM says; nothing where there is none. */
export const chromium = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  (path) => path !== undefined && existsSync(path),
);

/** Headless, and as root too, which Chromium's sandbox does not allow. */
export const openBrowser = (): Promise<Browser> =>
  launch({ executablePath: chromium, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] });

/** Opens a file as a person does, and keeps what the page complains of and what it asks of a network. */
export async function openFile(browser: Browser, path: string): Promise<{ page: Page; complaints: string[]; requests: string[] }> {
  const page = await browser.newPage();
  const [complaints, requests]: [string[], string[]] = [[], []];
  page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('requestfailed', (request) => complaints.push(`cannot load ${request.url()}`));
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(`file://${encodeURI(path)}`);
  return { page, complaints, requests };
}
