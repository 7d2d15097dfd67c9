import { execFile } from 'node:child_process';

/** A driver may take its time over the first process. */
const MOST_MILLISECONDS = 30_000;

/** What a script came to in a process of its own, which whatever it loads may end. */
export interface Apart {
  /** The lines that it printed. */
  readonly lines: readonly string[];
  /** Why it did not come to its end. */
  readonly failure?: string;
}

/** Runs a script that gets `words` as `process.argv.slice(1)`. */
export function runApart(script: string, words: readonly string[]): Promise<Apart> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['-e', script, ...words], { encoding: 'utf8', timeout: MOST_MILLISECONDS }, (error, stdout, stderr) => {
      const lines = stdout.split('\n').filter((line) => line !== '');
      if (!error) return resolve({ lines });
      const thrown = /Error: (.+)/.exec(stderr)?.[1];
      const ended = error.signal ? `the process that tried was ended by ${error.signal}` : error.message.split('\n')[0]!;
      resolve({ lines, failure: thrown ?? ended });
    });
  });
}
