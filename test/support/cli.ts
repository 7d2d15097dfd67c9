import { type ChildProcess, execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** The embedded model. */
export const portraits = join(root, 'models/portraits-lcm');
export const commandLine: readonly [string, string] = [process.execPath, join(root, 'dist/cli/main.js')];

export interface Outcome {
  /** Exit status as a shell sees it. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the built command line, as a person's shell does. */
export function run(...args: string[]): Promise<Outcome> {
  return execute([...commandLine, ...args]);
}

/** Runs a program; `watch` receives the process. */
export function execute([program, ...args]: readonly string[], watch?: (process: ChildProcess) => void): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(program!, args, (error, stdout, stderr) => {
      const status = typeof error?.code === 'number' ? error.code : error?.signal === 'SIGINT' ? 130 : error ? -1 : 0;
      resolve({ status, stdout, stderr });
    });
    watch?.(child);
  });
}
