import { expect } from 'vitest';

/** Matches an error with this stable code, given without its prefix, and such a message. */
export const withCode = (code: string, message: RegExp = /./): unknown =>
  expect.objectContaining({ code: `ERR_LATINO_${code}`, message: expect.stringMatching(message) });
