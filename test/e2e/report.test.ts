import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { portraits, run } from '../support/cli.js';

const folder = mkdtempSync(join(tmpdir(), 'latino-report-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('is written at the end of a batch unless told otherwise, and whenever it is asked for', async () => {
  const [inputs, out] = [join(folder, 'in'), join(folder, 'out')];
  mkdirSync(inputs);
  cpSync(join(portraits, 'samples/00.png'), join(inputs, '00.png'));
  const page = join(out, 'report.html');
  const batch = (...flags: string[]) => run('batch', inputs, '--task', 'denoise', '--sigma', '0.1', '--steps', '1', '--out', out, ...flags);
  expect(await batch('--no-report')).toMatchObject({ status: 0, stdout: expect.not.stringContaining('report.html') });
  expect(await batch('--dry-run')).toMatchObject({ status: 0 });
  expect(existsSync(page)).toBe(false);

  expect(await batch()).toMatchObject({ status: 0, stdout: expect.stringContaining(page) });
  expect(existsSync(page)).toBe(true);
  rmSync(page);

  const { status, stdout } = await run('report', out, '--json');
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toEqual({ path: page, images: 1, done: 1, failed: 0, warned: 0 });
  expect(existsSync(page)).toBe(true);
});
