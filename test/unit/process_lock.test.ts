import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freshenLock, lockHolder, releaseLock, takeLock } from '../../src/process_lock.js';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'latino-lock-'));
  path = join(folder, 'a.lock');
});
afterEach(() => rmSync(folder, { recursive: true }));

const leave = (holder: object): void => writeFileSync(path, JSON.stringify({ since: new Date().toISOString(), ...holder }));

describe('a lock', () => {
  it('is had by one, who is told to the others, until it is released', async () => {
    const takers = await Promise.all([takeLock(path), takeLock(path), takeLock(path)]);
    expect(takers.filter((holder) => holder === undefined)).toHaveLength(1);
    expect(await takeLock(path)).toMatchObject({ host: hostname(), pid: process.pid });
    await releaseLock(path);
    expect(await lockHolder(path)).toBeUndefined();
    expect(await takeLock(path)).toBeUndefined();
    expect(readdirSync(folder)).toEqual(['a.lock']);
  });

  it('that a dead process left is taken over', async () => {
    leave({ host: hostname(), pid: 2 ** 22 + 1 });
    expect(await takeLock(path)).toBeUndefined();
  });

  it('of another host is taken over where nobody keeps it fresh, and only then', async () => {
    leave({ host: 'another', pid: 1 });
    const staleAfter = 60_000;
    expect(await takeLock(path, { staleAfter })).toMatchObject({ host: 'another' });
    const old = new Date(Date.now() - 2 * staleAfter);
    utimesSync(path, old, old);
    expect(await takeLock(path)).toMatchObject({ host: 'another' });
    await freshenLock(path);
    expect(await takeLock(path, { staleAfter })).toMatchObject({ host: 'another' });
    utimesSync(path, old, old);
    expect(await takeLock(path, { staleAfter })).toBeUndefined();
    expect(await lockHolder(path)).toMatchObject({ host: hostname() });
  });
});
