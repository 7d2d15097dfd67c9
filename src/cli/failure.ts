import { CommanderError } from 'commander';
import type { ErrorCode } from '../index.js';
import { Interruption } from './interruption.js';
import { type Io, printLine } from './io.js';

/** Codes of what is wrong with what was asked for; any other failure is one of the run. */
const BAD_INPUT: ReadonlySet<unknown> = new Set<ErrorCode>([
  'ERR_LATINO_ARGUMENT',
  'ERR_LATINO_IMAGE',
  'ERR_LATINO_OPERATOR',
  'ERR_LATINO_SHAPE',
  'ERR_LATINO_MODEL',
  'ERR_LATINO_EMBEDDING',
  'ERR_LATINO_DEVICE',
  'ERR_LATINO_OUTPUT',
]);

/** Prints what was thrown as one sentence (or JSON) on standard error, and gives the exit status; 0 where help or the version was asked for. */
export function reportFailure(error: unknown, { err }: Io, json: boolean): number {
  if (error instanceof CommanderError && error.exitCode === 0) return 0;
  const message = error instanceof CommanderError ? usageMessage(error) : error instanceof Error ? error.message : String(error);
  const code =
    error instanceof CommanderError ? 'ERR_LATINO_ARGUMENT' : ((error as { code?: unknown } | undefined)?.code ?? 'ERR_LATINO_RUNTIME');
  printLine(err, json ? JSON.stringify({ error: { code, message } }) : `latino-native: ${message} [${String(code)}]`);
  if (error instanceof Interruption) return error.status;
  if (code === ('ERR_LATINO_INCOMPLETE' satisfies ErrorCode)) return 3;
  return BAD_INPUT.has(code) && !isOfTheDisk(error) ? 2 : 1;
}

/** A disk that is full says nothing of what was asked for. */
function isOfTheDisk(error: unknown): boolean {
  const { cause } = error as { readonly cause?: { readonly code?: unknown } };
  return cause?.code === 'ENOSPC' || cause?.code === 'EDQUOT' || cause?.code === 'EIO';
}

/** What commander says of a command line, as one sentence. */
function usageMessage({ message }: CommanderError): string {
  if (message === '(outputHelp)') return 'Expected a command; see --help';
  const [problem, ...more] = message
    .replace(/^error: /, '')
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\.\s*$/, '')
    .split('. ');
  return [problem, ...more.map((sentence) => sentence.charAt(0).toLowerCase() + sentence.slice(1)), 'see --help'].join('; ');
}
