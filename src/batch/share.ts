import { LatinoError } from '../errors.js';
import { sha256 } from './identity.js';

/** The i-th of n shares of a batch, from 1. */
export interface Share {
  readonly index: number;
  readonly of: number;
}

export const WHOLE: Share = { index: 1, of: 1 };

/** @throws LatinoError ERR_LATINO_ARGUMENT unless it is `i/n` */
export function parseShare(text: string): Share {
  const [, index, of] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  const share = { index: Number(index), of: Number(of) };
  if (!(share.index >= 1 && share.index <= share.of))
    throw new LatinoError('ERR_LATINO_ARGUMENT', `Expected a share i/n with i from 1 to n but received ${text}`);
  return share;
}

/** Whether an image is of the share. The name decides, so that shares do not overlap while files come and go. */
export function isOf({ index, of }: Share, name: string): boolean {
  return of === 1 || sha256(name).digest().readUInt32BE(0) % of === index - 1;
}

/** A share of a share. */
export const within = ({ index, of }: Share, part: Share): Share => ({ index: index + of * (part.index - 1), of: of * part.of });

/** What a share's files in the output folder are called, before the extension: an unshared batch has the plain name. */
export const stemOf = ({ index, of }: Share): string => (of === 1 ? 'latino-batch' : `latino-batch.${index}-of-${of}`);
