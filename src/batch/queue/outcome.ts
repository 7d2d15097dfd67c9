import { LatinoError } from '../../errors.js';
import type { ImageRecord } from '../journal.js';

/** What became of an image, as it travels back: its line of the journal but for what the producer knows. */
export interface Outcome extends Omit<ImageRecord, 'kind' | 'id' | 'input' | 'output' | 'seed'> {
  /** What was written; not there where it failed. */
  readonly file?: { readonly path: string; readonly sha256: string };
}

/** What is wrong with an image stays wrong wherever it is tried again; anything else may be the machine's. */
const OF_THE_IMAGE = new Set([
  'ERR_LATINO_ARGUMENT',
  'ERR_LATINO_EMBEDDING',
  'ERR_LATINO_IMAGE',
  'ERR_LATINO_NUMERIC',
  'ERR_LATINO_OPERATOR',
  'ERR_LATINO_SHAPE',
]);

export const isOfTheImage = (error: unknown): error is LatinoError => error instanceof LatinoError && OF_THE_IMAGE.has(error.code);

/** A machine's fault as a queue keeps it: as text, with its code. */
export function faultText(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string };
  return `${message ?? String(error)} [${code ?? 'ERR_LATINO_RUNTIME'}]`;
}

/** What a queue kept of a job that failed at every attempt. */
export function failureOf(faultText: string): Outcome {
  const [, message = faultText, code = 'ERR_LATINO_QUEUE'] = /^(.*) \[(\w+)\]$/s.exec(faultText) ?? [];
  return { status: 'failed', seconds: 0, error: { code, message }, finishedAt: new Date().toISOString() };
}
