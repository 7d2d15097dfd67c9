import { join } from 'node:path';
import { expect, it } from 'vitest';
import { execute, root } from '../support/cli.js';

// A short run of bench/service.mjs: what it says of times is not looked at.

interface Result {
  readonly crowd: {
    statuses: Record<string, number>;
    states: Record<string, number>;
    pictures: number;
    withoutRetryAfter: number;
    errors: number;
  };
  readonly endurance: { readonly states: Record<string, number>; readonly memory: readonly { readonly files: number }[] };
  readonly malformed: {
    readonly statuses: Record<string, number>;
    readonly failures: unknown[];
    readonly filesLeft: number;
    readonly after: string;
  };
}

it('a service answers a crowd with results or 429, and what nobody should send with less than 500', { timeout: 600_000 }, async () => {
  const numbers = ['--clients', '30', '--requests', '90', '--restorations', '12', '--malformed', '66', '--seed', '7'];
  const { status, stdout, stderr } = await execute([process.execPath, join(root, 'bench/service.mjs'), '--json', ...numbers]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const { crowd, endurance, malformed, ...end } = JSON.parse(stdout) as Result;
  const { 202: taken = 0, 429: refused = 0, ...others } = crowd.statuses;
  expect({ all: taken + refused, others }).toEqual({ all: 90, others: {} });
  expect(taken).toBeGreaterThanOrEqual(16);
  expect(refused).toBeGreaterThan(0);
  expect(crowd).toMatchObject({ states: { done: taken }, pictures: taken, withoutRetryAfter: 0, errors: 0 });

  expect(endurance.states).toEqual({ done: 12 });
  // Those of the few that are under way.
  for (const { files } of endurance.memory) expect(files).toBeLessThanOrEqual(8);

  expect(malformed).toMatchObject({ failures: [], filesLeft: 0, after: 'done' });
  expect(Object.keys(malformed.statuses).filter((status) => Number(status) >= 500)).toEqual([]);
  expect(malformed.statuses).toMatchObject({ 400: expect.any(Number), 413: expect.any(Number), 415: expect.any(Number) });
  expect(end).toMatchObject({ exit: 0, leftBehind: 0, faults: [] });
});
