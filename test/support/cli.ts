import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { run as runCommand } from '../../src/cli/run.js';

export const root = fileURLToPath(new URL('../..', import.meta.url));
/** The embedded model. */
export const portraits = join(root, 'models/portraits-lcm');
/** The built command line, for tests of what only a process of its own can show. */
export const commandLine: readonly [string, string] = [process.execPath, join(root, 'dist/cli/main.js')];

export interface Outcome {
  /** Exit status, or what killed the process. */
  readonly status: number | NodeJS.Signals;
  readonly stdout: string;
  readonly stderr: string;
}

/** Keeps what is written to it, and tells. */
class Page extends Writable {
  text = '';
  constructor(
    readonly isTTY: boolean,
    private readonly watch: (text: string) => void = () => undefined,
  ) {
    super({ decodeStrings: false });
  }
  override _write(chunk: string, _: BufferEncoding, done: () => void): void {
    this.text += chunk;
    this.watch(this.text);
    done();
  }
}

export interface Setting {
  /** Whether standard error is a terminal. */
  readonly terminal?: boolean;
  /** Interrupts the command. */
  readonly signal?: AbortSignal;
  /** Called whenever standard error grows, with all of it. */
  readonly watch?: (stderr: string) => void;
}

/** Runs a command line in this process. */
export async function runIn({ terminal = false, signal, watch }: Setting, ...args: string[]): Promise<Outcome> {
  const [out, err] = [new Page(false), new Page(terminal, watch)];
  const status = await runCommand(args, { out, err, interruption: () => signal ?? new AbortController().signal });
  return { status, stdout: out.text, stderr: err.text };
}

export const run = (...args: string[]): Promise<Outcome> => runIn({}, ...args);

/** One sentence with this code, given without its prefix, status 2, and no result. */
export function expectRefusal(outcome: Outcome, code: string, says: RegExp): void {
  expect(outcome).toMatchObject({ status: 2, stdout: '', stderr: expect.stringMatching(says) });
  expect(outcome.stderr).toMatch(new RegExp(`^latino-native: .+ \\[ERR_LATINO_${code}\\]\\n$`));
}

/** Runs a program; `watch` receives the process. */
export function execute([program, ...args]: readonly string[], watch?: (process: ChildProcess) => void): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = execFile(program!, args, (error, stdout, stderr) => {
      const status = error ? (error.signal ?? error.code) : 0;
      if (typeof status === 'number' || status === error?.signal) resolve({ status: status as Outcome['status'], stdout, stderr });
      else reject(error);
    });
    watch?.(child);
  });
}

export const hasTerminals = process.platform === 'linux' && existsSync('/usr/bin/script');

/** A program on a terminal of its own. */
export interface Terminal {
  /** Of the program itself. */
  readonly pid: number;
  /** What has been printed so far. */
  readonly screen: string;
  /** Presses keys. */
  type(keys: string): void;
}

const PID = /^pid (\d+)\r\n/;
export const CTRL_C = '\x03';

/**
 * Runs a program on a terminal of its own. `watch` is called whenever it prints.
 *
 * @returns what it printed, and its exit status: 128 + n where signal n killed it
 */
export function onTerminal(
  command: readonly string[],
  watch: (terminal: Terminal) => void = () => undefined,
): Promise<{ readonly status: number | null; readonly screen: string }> {
  const quoted = command.map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['-qec', `echo pid $$; exec ${quoted}`, '/dev/null'], { stdio: 'pipe' });
  let printed = '';
  const screen = (): string => printed.replace(PID, '');
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
    watch({ pid: Number(PID.exec(printed)?.[1]), screen: screen(), type: (keys) => void child.stdin.write(keys) });
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, screen: screen() }));
  });
}
