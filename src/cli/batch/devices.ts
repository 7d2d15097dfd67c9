import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type BatchEvent, type BatchSummary, type ErrorCode, LatinoError, parseShare, within } from '../../index.js';

/** What a process says on standard output, a line each. */
export type Line = BatchEvent | ({ readonly event: 'summary' } & BatchSummary);

export interface DevicesOptions {
  /** The words of the command line after `batch`, without `--devices`. */
  readonly words: readonly string[];
  readonly devices: readonly string[];
  /** `i/n` of the batch that all of them share. */
  readonly shard?: string;
  readonly limit?: number;
  readonly signal: AbortSignal;
  readonly onEvent: (event: BatchEvent) => void;
}

/**
 * Restores a batch with one process for each device, each with its own share, model and journal. Processes of the CPU divide its cores.
 *
 * @throws what the first of them failed with, when all have ended; the signal's reason on abort
 */
export async function runOnDevices({ words, devices, shard = '1/1', limit, signal, onEvent }: DevicesOptions): Promise<BatchSummary> {
  const processors = devices.filter((device) => device === 'cpu').length;
  const threads = Math.max(1, Math.floor(availableParallelism() / processors));
  const children = devices.map((device, k) => {
    const share = within(parseShare(shard), { index: k + 1, of: devices.length });
    const own = ['--device', device, '--shard', `${share.index}/${share.of}`, '--json'];
    if (device === 'cpu') own.push('--threads', String(threads));
    if (limit !== undefined) own.push('--limit', String(Math.floor(limit / devices.length) + (k < limit % devices.length ? 1 : 0)));
    return runChild([...words, ...own], signal, onEvent);
  });
  const ends = await Promise.allSettled(children);
  signal.throwIfAborted();
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed) throw failed.reason;
  return sum(ends.map((end) => (end as PromiseFulfilledResult<BatchSummary>).value));
}

async function runChild(words: readonly string[], signal: AbortSignal, onEvent: (event: BatchEvent) => void): Promise<BatchSummary> {
  const main = fileURLToPath(new URL('../main.js', import.meta.url));
  // In a group of its own, so that Ctrl-C reaches it once, from here.
  const child = spawn(process.execPath, [main, 'batch', ...words], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const stop = (): void => void child.kill('SIGTERM');
  signal.addEventListener('abort', stop, { once: true });
  let summary: BatchSummary | undefined;
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4096);
  });
  const closed = once(child, 'close');
  try {
    for await (const text of createInterface({ input: child.stdout })) {
      const line = JSON.parse(text) as Line;
      if (line.event === 'summary') summary = line;
      else onEvent(line);
    }
    const [status, killer] = (await closed) as [number | null, NodeJS.Signals | null];
    // Some of its images failed: it has said which.
    if (summary && (status === 0 || status === 3)) return summary;
    throw failureOf(said, status ?? killer);
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}

function failureOf(said: string, status: number | string | null): LatinoError {
  const last = said.trim().split('\n').at(-1) ?? '';
  try {
    const { error } = JSON.parse(last) as { error: { code: ErrorCode; message: string } };
    return new LatinoError(error.code, error.message);
  } catch {
    return new LatinoError('ERR_LATINO_RUNTIME', `Expected the process of a device to end well but it ended with ${status}: ${last}`);
  }
}

function sum(summaries: readonly BatchSummary[]): BatchSummary {
  const add = (key: 'total' | 'restored' | 'skipped' | 'failed' | 'left'): number => summaries.reduce((all, each) => all + each[key], 0);
  return {
    total: add('total'),
    restored: add('restored'),
    skipped: add('skipped'),
    failed: add('failed'),
    left: add('left'),
    seconds: Math.max(...summaries.map(({ seconds }) => seconds)),
    device: [...new Set(summaries.flatMap(({ device }) => device ?? []))].join(', ') || undefined,
    failures: summaries.flatMap(({ failures }) => failures),
  };
}
