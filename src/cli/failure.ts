import type { CommanderError } from 'commander';
import { LatinoError } from '../errors.js';

/** Exit codes: 1 for a failure of the run, 2 for bad input, 130 when interrupted. */
const BAD_INPUT = new Set([
  'ERR_LATINO_ARGUMENT',
  'ERR_LATINO_IMAGE',
  'ERR_LATINO_OPERATOR',
  'ERR_LATINO_SHAPE',
  'ERR_LATINO_MODEL',
  'ERR_LATINO_EMBEDDING',
  'ERR_LATINO_OUTPUT',
]);

/** What was wrong with the command line; nothing when help or the version was asked for. */
export function usageFailure({ exitCode, message }: CommanderError): LatinoError | undefined {
  if (exitCode === 0) return undefined;
  const problem =
    message === '(outputHelp)'
      ? 'expected a command'
      : message
          .replace(/^error: /, '')
          .trim()
          .replace(/\s*\n\s*/g, ' ');
  return new LatinoError('ERR_LATINO_ARGUMENT', `${problem.replace(/\.$/, '')}; see --help`);
}

/** Prints one sentence (or JSON) on standard error and returns the exit code. */
export function reportFailure(error: unknown, json: boolean): number {
  const aborted = error instanceof Error && error.name === 'AbortError';
  const code = aborted ? 'ABORT_ERR' : ((error as { code?: unknown }).code ?? 'ERR_LATINO_RUNTIME');
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(json ? `${JSON.stringify({ error: { code, message } })}\n` : `latino-native: ${message} [${String(code)}]\n`);
  if (aborted) return 130;
  return BAD_INPUT.has(String(code)) ? 2 : 1;
}
