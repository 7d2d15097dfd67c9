import { expect } from 'vitest';

/** Matches a LatinoError with this stable code, given without its prefix, and such a message. */
export const withCode = (code: string, message: RegExp = /./): unknown =>
  expect.objectContaining({ name: 'LatinoError', code: `ERR_LATINO_${code}`, message: expect.stringMatching(message) });
