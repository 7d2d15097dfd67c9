import { expect, it } from 'vitest';
import { Transient, withRetries } from '../../src/download/retries.js';
import { withCode } from '../support/errors.js';

const failing = (times: number, advances = false) => {
  let calls = 0;
  const attempt = async (advanced: () => void): Promise<number> => {
    if (advances) advanced();
    if (++calls <= times) throw new Transient('Expected luck', 0);
    return calls;
  };
  return { attempt, calls: () => calls };
};

it('tries again what is transient, as often as it may', async () => {
  expect(await withRetries(failing(2).attempt, { tries: 3 })).toBe(3);
  const unlucky = failing(3);
  await expect(withRetries(unlucky.attempt, { tries: 3 })).rejects.toThrow(
    withCode('DOWNLOAD', /^Expected luck; what is here already is kept/),
  );
  expect(unlucky.calls()).toBe(3);
});

it('counts anew whenever something has come', async () => {
  expect(await withRetries(failing(20, true).attempt, { tries: 3 })).toBe(21);
});

it('does not try again what is not, nor after an abort', async () => {
  const attempt = (error: Error) => withRetries(() => Promise.reject(error), { tries: 3 });
  await expect(attempt(new TypeError('no'))).rejects.toThrow('no');
  const controller = new AbortController();
  const waiting = withRetries(() => Promise.reject(new Transient('busy', 60_000)), { tries: 3, signal: controller.signal });
  controller.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
});
