import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Job, JobsOptions, Queue, QueueEvents } from 'bullmq';
import { writeWhole } from '../../output_file.js';
import { Condition } from '../../scheduling/condition.js';
import { sha256 } from '../identity.js';
import { connect, type QueueAddress, type QueueConnection, redisRefusal } from './connection.js';
import { failureOf, type Outcome } from './outcome.js';
import { loadQueuePackages } from './packages.js';

/** An image that workers are to restore. */
export interface QueuedImage {
  /** Hash of contents, options and model: what is asked for twice is done once. */
  readonly id: string;
  /** Where its file is to lie. */
  readonly output: string;
  /** What a worker needs, as JSON. */
  readonly data: object;
}

/** Images that wait in the queue, or are worked on, at a time: enough for any number of workers, and no burden to Redis. */
const AHEAD = 1_000;
/** How often what waits is looked at, should an event have been missed. */
const SWEEP_MS = 5_000;
/** For taking leave: a Redis that is away is not waited for. */
const FAREWELL_MS = 2_000;
const farewell = (): Promise<void> => delay(FAREWELL_MS, undefined, { ref: false });
const JOB: JobsOptions = { attempts: 3, backoff: { type: 'exponential', delay: 1_000 } };

/**
 * Puts images into the queue and gives what became of each, as workers are done; a bounded number ahead. What a worker finished while no producer
 * was there is taken as it is, where the file is there too. A job leaves the queue when its outcome has been taken.
 *
 * @throws LatinoError ERR_LATINO_QUEUE; what `images` throws; the signal's reason, after taking back what no worker has begun
 */
export async function* restoreOnWorkers<Image extends QueuedImage>(
  address: QueueAddress,
  images: AsyncIterable<Image> | Iterable<Image>,
  { signal }: { signal?: AbortSignal } = {},
): AsyncGenerator<{ image: Image; outcome: Outcome }, void, undefined> {
  const producer = await Producer.open<Image>(address);
  const wake = (): void => producer.changed.notify();
  signal?.addEventListener('abort', wake, { once: true });
  try {
    const feeding = producer.feed(images, signal);
    yield* producer.outcomes(feeding, signal);
  } catch (error) {
    throw redisRefusal(error);
  } finally {
    signal?.removeEventListener('abort', wake);
    await producer.close();
  }
}

class Producer<Image extends QueuedImage> {
  readonly changed = new Condition();
  /** Images by their id; several where one content is asked for under several names. */
  private readonly waiting = new Map<string, Image[]>();
  private readonly settled: { image: Image; outcome: Outcome }[] = [];
  private readonly settling = new Set<string>();
  private readonly sweeper: NodeJS.Timeout;
  private failure?: { readonly error: unknown };
  private isClosed = false;

  private constructor(
    private readonly connection: QueueConnection,
    private readonly queue: Queue,
    private readonly events: QueueEvents,
    private readonly jobs: typeof Job,
  ) {
    // The connection looks after itself.
    queue.on('error', () => undefined);
    events.on('error', () => undefined);
    events.on('completed', ({ jobId }) => this.look(jobId));
    events.on('failed', ({ jobId }) => this.look(jobId));
    this.sweeper = setInterval(() => {
      for (const id of this.waiting.keys()) this.look(id);
    }, SWEEP_MS);
  }

  static async open<Image extends QueuedImage>(address: QueueAddress): Promise<Producer<Image>> {
    const { bullmq } = await loadQueuePackages();
    const connection = await connect(address);
    const queue = new bullmq.Queue(address.name, { connection: connection.redis });
    const events = new bullmq.QueueEvents(address.name, { connection: connection.redis });
    await events.waitUntilReady();
    return new Producer<Image>(connection, queue, events, bullmq.Job);
  }

  /** Puts images in as there is room; ends with the images, or when the producer is closed. */
  async feed(images: AsyncIterable<Image> | Iterable<Image>, signal?: AbortSignal): Promise<void> {
    for await (const image of images) {
      while (this.waiting.size >= AHEAD && !this.isClosed && !signal?.aborted) await this.changed.wait();
      if (this.isClosed || signal?.aborted) return;
      const same = this.waiting.get(image.id);
      if (same) same.push(image);
      else {
        this.waiting.set(image.id, [image]);
        await this.submit(image);
      }
    }
  }

  async *outcomes(feeding: Promise<void>, signal?: AbortSignal): AsyncGenerator<{ image: Image; outcome: Outcome }, void, undefined> {
    let isFed = false;
    feeding.then(
      () => {
        isFed = true;
        this.changed.notify();
      },
      (error: unknown) => this.fail(error),
    );
    for (;;) {
      if (signal?.aborted) {
        await this.takeBack();
        throw signal.reason;
      }
      if (this.failure) throw this.failure.error;
      const next = this.settled.shift();
      if (next) {
        yield next;
        // Whoever took it has written it down.
        const { id } = next.image;
        if (!this.waiting.has(id) && !this.settled.some(({ image }) => image.id === id)) await this.queue.remove(id);
      } else if (isFed && this.waiting.size === 0) return;
      else await this.changed.wait();
    }
  }

  async close(): Promise<void> {
    this.isClosed = true;
    clearInterval(this.sweeper);
    this.changed.notify();
    await Promise.race([Promise.allSettled([this.events.close(), this.queue.close()]), farewell()]);
    this.connection.end();
  }

  /** Asks for an image, unless somebody did, or it is done. */
  private async submit(image: Image): Promise<void> {
    const known = await this.jobs.fromId(this.queue, image.id);
    if (known?.finishedOn !== undefined) {
      const outcome = known.returnvalue as Outcome | null;
      if (outcome?.file && (await readFileWith(outcome.file))) return this.look(image.id);
      await this.queue.remove(image.id);
    }
    await this.queue.add('restore', image.data, { ...JOB, jobId: image.id });
    this.changed.notify();
  }

  /** Looks whether a job is done. One that is gone, by another producer's hand, is asked for again. */
  private look(id: string): void {
    if (!this.waiting.has(id) || this.settling.has(id) || this.isClosed) return;
    this.settling.add(id);
    this.settle(id)
      .catch((error: unknown) => this.fail(error))
      .finally(() => this.settling.delete(id));
  }

  private async settle(id: string): Promise<void> {
    const job = await this.jobs.fromId(this.queue, id);
    if (job && job.finishedOn === undefined) return;
    const images = this.waiting.get(id)!;
    if (!job) return this.submit(images[0]!);
    // A job that failed, and then did not, has both.
    const outcome = (job.returnvalue as Outcome | null) ?? failureOf(job.failedReason ?? '');
    while (images.length > 0) {
      const image = images[0]!;
      if (!(await place(outcome, image.output))) {
        await this.queue.remove(id);
        return this.submit(image);
      }
      images.shift();
      if (images.length === 0) this.waiting.delete(id);
      this.settled.push({ image, outcome });
    }
    this.changed.notify();
  }

  /** Takes out of the queue what no worker has begun; what one has, it finishes for the next producer to find. */
  private async takeBack(): Promise<void> {
    await Promise.race([Promise.all([...this.waiting.keys()].map((id) => this.queue.remove(id))), farewell()]);
  }

  private fail(error: unknown): void {
    this.failure ??= { error };
    this.changed.notify();
  }
}

/** Sees to it that a restored file lies where it was asked for: a worker writes it once, however many ask. False where it is gone. */
async function place({ file }: Outcome, output: string): Promise<boolean> {
  if (!file || file.path === output) return true;
  const bytes = await readFileWith(file);
  if (bytes) await writeWhole(output, bytes);
  return bytes !== undefined;
}

/** The bytes of a file that is still what was written. */
async function readFileWith({ path, sha256: digest }: NonNullable<Outcome['file']>): Promise<Buffer | undefined> {
  const bytes = await readFile(path).catch(() => undefined);
  return bytes && sha256(bytes).digest('hex') === digest ? bytes : undefined;
}
