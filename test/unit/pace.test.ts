import { describe, expect, it } from 'vitest';
import { brief, Pace } from '../../src/cli/batch/pace.js';
import type { BatchEvent } from '../../src/index.js';

const image = (status: 'done' | 'failed' = 'done'): BatchEvent => ({
  ...{ event: 'image', id: '', input: '', output: '', seed: 0, seconds: 1, finishedAt: '' },
  status,
});
const skipped: BatchEvent = { event: 'skipped', input: '', output: '', status: 'done' };

describe('the pace of a batch', () => {
  it('is that of the last half minute', () => {
    let now = 0;
    const pace = new Pace(() => now);
    pace.see({ event: 'run', total: 1000, left: 1000 });
    expect(pace.state).toBe('0 of 1000');
    for (; now < 100; now += 10) pace.see(image());
    expect(pace.state).toBe('10 of 1000, 9.0 s an image, 2 h 29 min left');
    for (let i = 0; i < 400; i++, now += 0.1) pace.see(image());
    pace.see(image('failed'));
    expect(pace.state).toBe('411 of 1000, 0.10 s an image, 59 s left, 1 failed');
    expect(pace.done).toEqual([411, 1000]);
  });

  it('is told of images that are solved together at the same moment', () => {
    let now = 0;
    const pace = new Pace(() => now);
    pace.see({ event: 'run', total: 80, left: 80 });
    for (let group = 0; group < 5; group++) {
      now += 4;
      for (let i = 0; i < 8; i++) pace.see(image());
    }
    expect(pace.state).toBe('40 of 80, 0.50 s an image, 20 s left');
  });

  it('counts on results of earlier runs once some have been found unchanged', () => {
    const state = (...first: BatchEvent[]): string => {
      let now = 0;
      const pace = new Pace(() => now);
      for (const event of [{ event: 'run', total: 100, left: 40 } as const, ...first]) pace.see(event);
      now = 2;
      pace.see(image());
      return pace.state;
    };
    expect(state(skipped)).toBe('2 of 100, 2.0 s an image, 78 s left');
    expect(state()).toBe('1 of 100, 2.0 s an image, 3 min left');
  });
});

it.each([
  [0, '0 s'],
  [0.1234, '0.12 s'],
  [9.96, '10 s'],
  [99, '99 s'],
  [100, '2 min'],
  [7800, '2 h 10 min'],
])('%f s is %s', (seconds, text) => expect(brief(seconds)).toBe(text));
