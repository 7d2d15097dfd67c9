import { hostname } from 'node:os';
import { z } from 'zod';
import { LoadOptions } from '../../options.js';
import { parseOptions } from '../../schema.js';
import { JobRestorer } from './restore_job.js';
import { work } from './worker.js';

/** What a worker tells. */
export type WorkerEvent =
  | { readonly event: 'ready'; readonly host: string; readonly pid: number }
  /** An image is done or has failed, and the queue knows it. */
  | {
      readonly event: 'image';
      readonly id: string;
      readonly status: 'done' | 'failed';
      readonly seconds: number;
      readonly output?: string;
      readonly error?: { readonly code: string; readonly message: string };
    }
  /** This machine could not restore an image; it is tried again, here or elsewhere, three times in all. */
  | { readonly event: 'fault'; readonly id: string; readonly message: string }
  /** An image that was not finished in time is in the queue again. */
  | { readonly event: 'returned'; readonly id: string };

export const WorkerOptions = z.strictObject({
  /** `redis://host:port`, or `rediss://` for TLS. */
  url: z.string('redis://host:port'),
  /** Which of several queues on one Redis; `latino-native` by default. */
  name: z.string().min(1).optional(),
  /** Images that are under way at a time; 4 by default. While one is solved others are read and written. */
  concurrency: z.int().min(1).max(256).optional(),
  /** How long images under way have after the signal, before they are given back; 25 by default. */
  graceSeconds: z.number().min(0).optional(),
  /** After so long without a sign of this worker its images are given to others; 30 by default. */
  lockSeconds: z.number().min(1).optional(),
  device: LoadOptions.shape.device,
  /** See `LoadOptions`. */
  memory: LoadOptions.shape.memory,
  threads: LoadOptions.shape.threads,
  /** Ends the work: no image is taken any more. */
  signal: z.instanceof(AbortSignal, { error: 'an AbortSignal' }),
  onEvent: z.custom<(event: WorkerEvent) => void>((value) => typeof value === 'function', 'a function').optional(),
});
export type WorkerOptions = Readonly<z.input<typeof WorkerOptions>>;

/**
 * Restores images of a queue until the signal says to stop, for `runBatch` with `queue` on this machine or another. Inputs and outputs must be there
 * under the same paths. It needs the packages bullmq and ioredis.
 *
 * @throws LatinoError ERR_LATINO_ARGUMENT; ERR_LATINO_QUEUE when a package is missing or Redis does not answer at the start
 */
export async function runWorker(options: WorkerOptions): Promise<void> {
  const parsed = parseOptions(WorkerOptions, options, { code: 'ERR_LATINO_ARGUMENT', what: 'options of a worker' });
  const {
    url,
    name = 'latino-native',
    concurrency = 4,
    graceSeconds = 25,
    lockSeconds = 30,
    device,
    threads,
    memory,
    signal,
    onEvent,
  } = parsed;
  await using restorer = new JobRestorer({ device, threads, memory }, concurrency);
  await work({
    address: { url, name },
    perform: (data, until) => restorer.restore(data, until),
    concurrency,
    graceSeconds,
    lockSeconds,
    stop: signal,
    onReady: () => onEvent?.({ event: 'ready', host: hostname(), pid: process.pid }),
    onOutcome: (id, { status, seconds, file, error }) => onEvent?.({ event: 'image', id, status, seconds, output: file?.path, error }),
    onFault: (id, { message }) => onEvent?.({ event: 'fault', id, message }),
    onGivenBack: (id) => onEvent?.({ event: 'returned', id }),
  });
}
