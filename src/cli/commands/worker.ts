import type { Command } from 'commander';
import type { LoadOptions, WorkerEvent } from '../../index.js';
import { type Io, printLine } from '../io.js';
import { number } from '../options.js';

interface Flags {
  queue: string;
  queueName: string;
  concurrency: number;
  grace: number;
  lock: number;
  memory: LoadOptions['memory'];
  device: LoadOptions['device'];
  threads?: number;
  json?: boolean;
}

export function addWorker(program: Command, io: Io): void {
  program
    .command('worker')
    .description('Restore images for `batch --queue`, until told to stop. Needs the packages bullmq and ioredis.')
    .requiredOption('--queue <url>', 'redis://host:port, or rediss:// for TLS')
    .option('--queue-name <name>', 'which of several queues on one Redis', 'latino-native')
    .option('--concurrency <n>', 'images under way at a time', number, 4)
    .option('--grace <seconds>', 'how long images under way have after SIGTERM, before they are given back', number, 25)
    .option('--lock <seconds>', 'after so long without a sign of this worker its images are given to others', number, 30)
    .option('--memory <use>', 'low, balanced or fast: what the autoencoder may take for a large picture', 'balanced')
    .option('--device <name>', 'auto, cpu or cuda:0', 'auto')
    .option('--threads <n>', 'CPU threads; every core unless told', number)
    .option('--json', 'print an event a line')
    .addHelpText(
      'after',
      `
Inputs and outputs must be there under the paths that batch has. SIGTERM or Ctrl-C lets a worker finish what it has begun, and it ends with status 0.
That one has died the others notice.

Example:
  latino-native worker --queue redis://queue.internal:6379`,
    )
    .action((flags: Flags) => worker(io, flags));
}

async function worker(
  io: Io,
  { queue: url, queueName: name, concurrency, grace, lock, memory, device, threads, json }: Flags,
): Promise<void> {
  const { runWorker } = await import('../../index.js');
  const onEvent = (event: WorkerEvent): void => printLine(io.out, json ? JSON.stringify(event) : inWords(event));
  const signal = io.interruption();
  await runWorker({ url, name, concurrency, graceSeconds: grace, lockSeconds: lock, device, threads, memory, signal, onEvent });
}

function inWords(event: WorkerEvent): string {
  switch (event.event) {
    case 'ready':
      return `waiting for images: process ${event.pid} on ${event.host}`;
    case 'image':
      return event.output === undefined ? `failed: ${event.error?.message}` : `${event.output}: ${event.seconds.toFixed(2)} s`;
    case 'fault':
      return `to be tried again, here or elsewhere: ${event.message}`;
    case 'returned':
      return `given back: ${event.id}`;
  }
}
