import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { allOrNone } from '../../src/prior/all_or_none.js';

const disposable = () => ({
  disposals: 0,
  dispose() {
    this.disposals++;
  },
});

describe('allOrNone', () => {
  it('gives all in their order, undisposed', async () => {
    const [slow, quick] = [disposable(), disposable()];
    expect(await allOrNone([setTimeout(5, slow), Promise.resolve(quick)])).toEqual([slow, quick]);
    expect([slow.disposals, quick.disposals]).toEqual([0, 0]);
  });

  it('waits for all when one fails, disposes them and throws its failure', async () => {
    const [slow, quick] = [disposable(), disposable()];
    const failures = [Promise.reject(new Error('first')), setTimeout(2).then(() => Promise.reject(new Error('second')))];
    await expect(allOrNone([setTimeout(5, slow), ...failures, Promise.resolve(quick)])).rejects.toThrow('first');
    expect([slow.disposals, quick.disposals]).toEqual([1, 1]);
  });
});
