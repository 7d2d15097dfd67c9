import { setTimeout as delay } from 'node:timers/promises';
import type { Job } from 'bullmq';
import { connect, type QueueAddress } from './connection.js';
import { faultText, type Outcome } from './outcome.js';
import { loadQueuePackages } from './packages.js';

export interface WorkOptions {
  readonly address: QueueAddress;
  /** Does a job. What is thrown is the machine's fault, and tried again, here or elsewhere. */
  readonly perform: (data: unknown, signal: AbortSignal) => Promise<Outcome>;
  /** Jobs at a time. */
  readonly concurrency: number;
  /** After so long without a sign of this worker its jobs are given to others. */
  readonly lockSeconds: number;
  /** After `stop`, jobs under way have so long; then they are given back. */
  readonly graceSeconds: number;
  /** Ends the work: no job is taken any more. */
  readonly stop: AbortSignal;
  readonly onReady?: () => void;
  /** Told when the queue knows it. */
  readonly onOutcome?: (id: string, outcome: Outcome) => void;
  readonly onFault?: (id: string, error: Error) => void;
  readonly onGivenBack?: (id: string) => void;
}

/** How often a job may be lost with its worker before it is the job that is to blame. */
const LOST_WORKERS = 2;
const RETRY_REDIS_MS = 1_000;
/** Seconds for giving jobs back; a Redis that is away then learns of it when their locks end. */
const FAREWELL_SECONDS = 3;

/** Takes jobs from the queue until it is told to stop. */
export async function work(options: WorkOptions): Promise<void> {
  const { address, perform, concurrency, lockSeconds, graceSeconds, stop, onReady, onOutcome, onFault, onGivenBack } = options;
  const { bullmq } = await loadQueuePackages();
  const connection = await connect(address);
  const late = new AbortController();

  const processor = async (job: Job, token: string | undefined, lost: AbortSignal | undefined): Promise<Outcome> => {
    try {
      return await perform(job.data, lost ? AbortSignal.any([late.signal, lost]) : late.signal);
    } catch (error) {
      if (!late.signal.aborted) throw new Error(faultText(error));
      await job.moveToWait(token);
      onGivenBack?.(job.id!);
      throw new bullmq.WaitingError();
    }
  };
  const worker = new bullmq.Worker<unknown, Outcome>(address.name, processor, {
    connection: connection.redis,
    concurrency,
    lockDuration: lockSeconds * 1000,
    stalledInterval: lockSeconds * 1000,
    maxStalledCount: LOST_WORKERS,
    runRetryDelay: RETRY_REDIS_MS,
    drainDelay: 1,
  });
  // The connection looks after itself, and a lock that is lost is another worker's.
  worker.on('error', () => undefined);
  worker.on('lockRenewalFailed', (ids) => {
    for (const id of ids) worker.cancelJob(id);
  });
  worker.on('completed', (job, outcome) => onOutcome?.(job.id!, outcome));
  worker.on('failed', (job, error) => job && onFault?.(job.id!, error));

  await worker.waitUntilReady();
  onReady?.();
  await aborted(stop);
  const over = new AbortController();
  const after = (seconds: number): Promise<void> => delay(seconds * 1000, undefined, { signal: over.signal }).catch(() => undefined);
  const paused = worker.pause();
  await Promise.race([paused, after(graceSeconds)]);
  late.abort();
  await Promise.race([paused, after(FAREWELL_SECONDS)]);
  over.abort();
  // By force, which waits for no answer of Redis: there is nothing left to tell it.
  await worker.close(true);
  connection.end();
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
