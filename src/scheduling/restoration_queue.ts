import { onAbort } from '../device/on_abort.js';
import { LatinoError } from '../errors.js';
import { type ImageInput, readImage } from '../image/index.js';
import { checkOperator, type Operator, operatorTraits, type Size } from '../operators/index.js';
import { type BatchInput, QueueOptions, RestoreOptions, readingOf, type Warning } from '../options.js';
import type { Restoration } from '../restoration.js';
import { parseOptions } from '../schema.js';
import { begin, canShare, fail, type Job, type Queued, succeed } from './job.js';

/** What solves the images of a queue: a loaded model. */
export interface Restorer {
  restoreBatch(inputs: readonly BatchInput[], options: RestoreOptions): Promise<Restoration[]>;
  /** How many measurements of this size it is best at solving together. */
  together(operator: Operator, measurement: Size): number;
}

/** Images that are read at a time. */
const DECODING = 4;
/** Bytes of decoded images that wait, and of results that nobody has taken; one more than fits is always allowed. */
export const HELD_BYTES = 128 * 2 ** 20;

let ids = 0;

/**
 * Restores images in the order in which they are asked for, a bounded number at a time: what a service puts between its requests and its model.
 * While some are solved the next are decoded; images of one size and one problem are solved together, and come out as they would alone.
 */
export class RestorationQueue {
  private readonly queued: Job[] = [];
  private readonly concurrency: number;
  private readonly capacity: number;
  private readonly together?: number;
  private solving = 0;
  private solved = 0;
  private isPaused = false;

  constructor(
    private readonly restorer: Restorer,
    options: QueueOptions = {},
  ) {
    const { concurrency = 2, capacity = 64, together } = parseOptions(QueueOptions, options, argument('options of a queue'));
    this.concurrency = concurrency;
    this.capacity = capacity;
    this.together = together;
  }

  /** Images that are neither being solved nor done. */
  get waiting(): number {
    return this.queued.length;
  }

  /** Images that are being solved. */
  get running(): number {
    return this.solved;
  }

  /**
   * Restores a measurement when its turn comes. A few are read at a time, and a stream is one of them until it ends: what comes slowly, such as an
   * upload, is better received first.
   *
   * @throws LatinoError as `Latino.restore` does; ERR_LATINO_BUSY when as many are waiting as the queue takes; the signal's reason on abort
   */
  async restore(input: ImageInput, options: RestoreOptions): Promise<Restoration> {
    return (await this.add(input, options)).restored;
  }

  /** As `restore`, with how long it took. */
  add(input: ImageInput, options: RestoreOptions): Promise<Queued> {
    return new Promise((resolve, reject) => {
      const parsed = parseOptions(RestoreOptions, options, argument('options of restore'));
      const { signal } = parsed;
      checkOperator(parsed.operator);
      signal?.throwIfAborted();
      if (this.queued.length >= this.capacity)
        throw new LatinoError('ERR_LATINO_BUSY', `Expected fewer than ${this.capacity} waiting images but there are ${this.queued.length}`);
      const settle = <Value>(how: (value: Value) => void) => {
        return (value: Value): void => {
          job.isSettled = true;
          unlisten?.();
          how(value);
        };
      };
      const job: Job = {
        id: ids++,
        input,
        options: parsed,
        asked: performance.now(),
        state: 'waiting',
        isSettled: false,
        resolve: settle(resolve),
        reject: settle(reject),
      };
      const abort = (): void => {
        this.leave(job);
        job.reject(signal!.reason);
      };
      const unlisten = signal && onAbort(signal, abort);
      this.queued.push(job);
      this.advance();
    });
  }

  /** Begins no more, until it is told to. */
  pause(isPaused: boolean): void {
    this.isPaused = isPaused;
    this.advance();
  }

  /** Begins what can be begun. */
  private advance(): void {
    if (this.isPaused) return;
    while (this.solving < this.concurrency) {
      const group = this.nextGroup();
      if (group.length === 0) break;
      this.solving++;
      this.solved += group.length;
      void this.solve(group).finally(() => {
        this.solving--;
        this.solved -= group.length;
        this.advance();
      });
    }
    this.decodeAhead();
  }

  private decodeAhead(): void {
    let decoding = this.queued.filter(({ state }) => state === 'decoding').length;
    const held = this.queued.reduce((sum, { image }) => sum + (image?.data.byteLength ?? 0), 0);
    for (const job of this.queued) {
      if (decoding >= DECODING || held > HELD_BYTES) return;
      if (job.state !== 'waiting') continue;
      decoding++;
      void this.decode(job);
    }
  }

  private async decode(job: Job): Promise<void> {
    job.state = 'decoding';
    try {
      const { operator, signal } = job.options;
      job.image = await readImage(job.input, { ...readingOf(job.options), channels: operatorTraits(operator).measurementChannels, signal });
      job.state = 'decoded';
    } catch (error) {
      this.leave(job);
      if (!job.isSettled) fail(job, begin(job), error);
    }
    this.advance();
  }

  /** The first that is decoded, with those after it that can be solved with it. */
  private nextGroup(): Job[] {
    const first = this.queued.find(({ image }) => image);
    if (!first) return [];
    const most = this.together ?? this.restorer.together(first.options.operator, first.image!);
    const group = this.queued.filter((job) => job === first || canShare(job, first)).slice(0, most);
    for (const job of group) this.leave(job);
    return group;
  }

  private leave(job: Job): void {
    const index = this.queued.indexOf(job);
    if (index >= 0) this.queued.splice(index, 1);
  }

  private async solve(group: readonly Job[]): Promise<void> {
    const started = group.map(begin);
    const results = await this.attempt(group).catch((error: unknown) => error);
    if (Array.isArray(results)) {
      for (const [k, job] of group.entries()) succeed(job, started[k]!, results[k] as Restoration, group.length);
      return;
    }
    if (group.length === 1) return fail(group[0]!, started[0]!, results);
    // One of them may be what the others failed of.
    for (const [k, job] of group.entries()) {
      if (job.isSettled) fail(job, started[k]!, results);
      else
        await this.attempt([job]).then(
          ([restored]) => succeed(job, started[k]!, restored!, 1),
          (error: unknown) => fail(job, started[k]!, error),
        );
    }
  }

  /** Solves a group together; stopped when nobody waits for any of it any more. */
  private async attempt(group: readonly Job[]): Promise<Restoration[]> {
    const controller = new AbortController();
    const signals = group.flatMap(({ options: { signal } }) => signal ?? []);
    const stop = (): void => {
      if (signals.length === group.length && signals.every(({ aborted }) => aborted)) controller.abort(signals[0]!.reason);
    };
    const listening = signals.map((signal) => onAbort(signal, stop));
    stop();
    const onWarning = (warning: Warning): void => {
      for (const k of warning.images ?? group.keys()) group[k]!.options.onWarning?.(warning);
    };
    const inputs = group.map(({ image, options: { sigma, prompt, embedding, seed } }) => ({
      input: image!,
      sigma,
      prompt,
      embedding,
      seed,
    }));
    try {
      // What each has of its own is with it, and the first one's does not become the others'.
      const shared = {
        ...group[0]!.options,
        sigma: undefined,
        prompt: undefined,
        embedding: undefined,
        seed: undefined,
        signal: controller.signal,
      };
      return await this.restorer.restoreBatch(inputs, group[0]!.options.onWarning ? { ...shared, onWarning } : shared);
    } finally {
      for (const unlisten of listening) unlisten();
    }
  }
}

const argument = (what: string) => ({ code: 'ERR_LATINO_ARGUMENT', what }) as const;
