type Stream = NodeJS.WritableStream & { readonly isTTY?: boolean };

/** What a command has of the process that it runs in; tests put something else in its place. */
export interface Io {
  /** Results. */
  readonly out: Stream;
  /** Failures, warnings, and on a terminal the progress bar. */
  readonly err: Stream;
  /** Aborts when the command is to stop, with an `Interruption`. Commands that never ask are ended by the system. */
  interruption(): AbortSignal;
}

export const printLine = (stream: Stream, text: string): void => void stream.write(`${text}\n`);
