import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockFolder } from '../../src/batch/lock.js';
import { withCode } from '../support/errors.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'latino-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const WHOLE = { index: 1, of: 1 };
const path = (): string => join(folder, 'latino-batch.lock');
const since = '2026-01-02T03:04:05.000Z';

async function deadProcess(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return child.pid!;
}

describe("a batch's lock", () => {
  it('is held by one, and given back', async () => {
    {
      await using _ = await lockFolder(folder, WHOLE);
      await expect(lockFolder(folder, WHOLE)).rejects.toEqual(withCode('OUTPUT', new RegExp(`process ${process.pid} writes there since`)));
      expect(readdirSync(folder)).toEqual(['latino-batch.lock']);
    }
    expect(readdirSync(folder)).toEqual([]);
  });

  it('of shares of one division is held beside others, but not beside those of another', async () => {
    await using _ = await lockFolder(folder, { index: 1, of: 2 });
    await using __ = await lockFolder(folder, { index: 2, of: 2 });
    await expect(lockFolder(folder, { index: 1, of: 2 })).rejects.toEqual(withCode('OUTPUT'));
    await expect(lockFolder(folder, { index: 3, of: 3 })).rejects.toEqual(withCode('OUTPUT'));
    await expect(lockFolder(folder, WHOLE)).rejects.toEqual(withCode('OUTPUT'));
    expect(readdirSync(folder)).toEqual(['latino-batch.1-of-2.lock', 'latino-batch.2-of-2.lock']);
  });

  it('is taken over from a dead process of this host, by one of many', async () => {
    writeFileSync(path(), JSON.stringify({ host: hostname(), pid: await deadProcess(), since }));
    const takers = await Promise.allSettled(Array.from({ length: 20 }, () => lockFolder(folder, WHOLE)));
    expect(takers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(readdirSync(folder)).toEqual(['latino-batch.lock']);
  });

  it.skipIf(!existsSync('/proc/self/stat'))('is taken over where another process has the number of the dead one', async () => {
    writeFileSync(path(), JSON.stringify({ host: hostname(), pid: process.pid, born: '1', since }));
    await using lock = await lockFolder(folder, WHOLE);
    expect(lock).toBeDefined();
  });

  it('is taken over where it was never written', async () => {
    writeFileSync(path(), '');
    await using lock = await lockFolder(folder, WHOLE);
    expect(lock).toBeDefined();
  });

  it('of another host is left alone', async () => {
    writeFileSync(path(), JSON.stringify({ host: 'elsewhere', pid: await deadProcess(), since }));
    await expect(lockFolder(folder, WHOLE)).rejects.toEqual(
      withCode('OUTPUT', /of the host elsewhere writes there since .+; delete .+\.lock if/),
    );
    expect(existsSync(path())).toBe(true);
  });
});
