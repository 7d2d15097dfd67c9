import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Latino } from '../latino.js';
import type { RestorationStart } from '../scheduling/restoration_events.js';
import type { RestorationQueue } from '../scheduling/restoration_queue.js';
import type { ServiceSettings } from './options.js';
import type { ScratchFolder } from './scratch_folder.js';
import { answerTo, ServiceError } from './service_error.js';
import { type Order, Ticket } from './ticket.js';

const STARTS = 'latino-native:restoration:start';
/** Seconds that a restoration is taken to last before one has. */
const FIRST_GUESS = 5;

type Settings = Pick<ServiceSettings, 'capacity' | 'concurrency' | 'maxSeconds' | 'keep' | 'keepSeconds' | 'onFault'>;

/** The restorations of a service: those that wait, run, and have ended and are kept for a while. */
export class Restorations implements AsyncDisposable {
  private readonly queue: RestorationQueue;
  /** In the order in which they were asked for. */
  private readonly tickets = new Map<string, Ticket>();
  private readonly work = new Map<Ticket, Promise<void>>();
  private readonly timers = new Map<Ticket, NodeJS.Timeout>();
  private usualSeconds = FIRST_GUESS;
  private isDraining = false;

  constructor(
    latino: Latino,
    private readonly folder: ScratchFolder,
    private readonly settings: Settings,
    private readonly onEnd: (ticket: Ticket) => void,
  ) {
    const { capacity, concurrency } = settings;
    this.queue = latino.queue({ capacity, concurrency });
    subscribe(STARTS, this.onStart);
  }

  get waiting(): number {
    return this.queue.waiting;
  }

  get running(): number {
    return this.queue.running;
  }

  /** Also those that have ended. */
  get known(): number {
    return this.tickets.size;
  }

  get draining(): boolean {
    return this.isDraining;
  }

  /**
   * Throws now what `submit` would throw after an upload.
   *
   * @throws ServiceError ERR_LATINO_BUSY, ERR_LATINO_DRAINING
   */
  assertRoom(): void {
    if (this.isDraining) throw draining('takes nothing more');
    const { capacity, concurrency } = this.settings;
    if (this.queue.waiting < capacity) return;
    const retryAfter = Math.ceil(Math.min(600, Math.max(1, (this.usualSeconds * capacity) / concurrency / 2)));
    throw new ServiceError('ERR_LATINO_BUSY', `Expected fewer than ${capacity} waiting restorations; ask again in ${retryAfter} s`, {
      retryAfter,
    });
  }

  /** @throws ServiceError ERR_LATINO_BUSY, ERR_LATINO_DRAINING */
  submit(order: Order): Ticket {
    this.assertRoom();
    const ticket = new Ticket(order);
    this.tickets.set(ticket.id, ticket);
    const work = this.restore(ticket)
      .catch((error: unknown) => this.settings.onFault?.(error))
      .finally(() => this.work.delete(ticket));
    this.work.set(ticket, work);
    return ticket;
  }

  /** @throws ServiceError ERR_LATINO_NOT_FOUND */
  find(id: string): Ticket {
    const ticket = this.tickets.get(id);
    if (!ticket)
      throw new ServiceError('ERR_LATINO_NOT_FOUND', 'Expected the id of a restoration that is kept but there is none of this one');
    return ticket;
  }

  /** Its place among those that wait, from 1. */
  position(ticket: Ticket): number | undefined {
    if (ticket.state !== 'waiting') return undefined;
    return [...this.tickets.values()].filter(({ state }) => state === 'waiting').indexOf(ticket) + 1;
  }

  /** Path of the restored picture; there when it is done. */
  pathOf({ id }: Ticket): string {
    return this.folder.file(`${id}.png`);
  }

  /** Stops it if it has not ended, and removes what is kept of it. */
  async forget(ticket: Ticket): Promise<void> {
    this.tickets.delete(ticket.id);
    clearTimeout(this.timers.get(ticket));
    this.timers.delete(ticket);
    ticket.stop(new ServiceError('ERR_LATINO_STOPPED', 'The restoration was stopped'));
    await this.work.get(ticket);
    await rm(this.pathOf(ticket), { force: true });
  }

  /** Takes no more, ends what waits, and gives what runs so long to be finished and fetched; then that is stopped too. */
  async drain(graceSeconds: number): Promise<void> {
    this.isDraining = true;
    const underWay = [...this.tickets.values()].filter(({ hasEnded }) => !hasEnded);
    for (const ticket of underWay) {
      if (ticket.state === 'waiting') ticket.stop(draining('has not begun this restoration; ask another, or later'));
    }
    const running = underWay.filter(({ state }) => state === 'running');
    const over = new AbortController();
    const grace = sleep(graceSeconds * 1000, undefined, { signal: over.signal }).catch(() => undefined);
    await Promise.race([Promise.all(running.map(isFetched)), grace]);
    over.abort();
    for (const ticket of running) ticket.stop(draining('had no time to finish this restoration; ask another, or later'));
    await Promise.all(this.work.values());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isDraining = true;
    await Promise.all([...this.tickets.values()].map((ticket) => this.forget(ticket)));
    unsubscribe(STARTS, this.onStart);
  }

  /** The queue tells of a beginning by what it was given: the path of the picture. */
  private readonly onStart = (message: unknown): void => {
    const { input } = message as RestorationStart;
    for (const ticket of this.work.keys()) if (pictureOf(ticket) === input) this.begin(ticket);
  };

  private begin(ticket: Ticket): void {
    const { maxSeconds } = this.settings;
    const late = (): void =>
      ticket.stop(new ServiceError('ERR_LATINO_TIME', `Expected a restoration of at most ${maxSeconds} s but this one took longer`));
    this.timers.set(ticket, setTimeout(late, maxSeconds * 1000).unref());
    ticket.begin();
    for (const other of this.tickets.values()) if (other.state === 'waiting') other.events.emit('state');
  }

  private async restore(ticket: Ticket): Promise<void> {
    const { operator, form, upload } = ticket.order;
    const { sigma, prompt, steps, seed, result, calibrate, previews } = form;
    await using _ = upload;
    try {
      const { restored, seconds } = await this.queue.add(pictureOf(ticket), {
        ...{ operator, sigma, prompt, steps, seed, result, calibrate, previews },
        signal: ticket.signal,
        onWarning: (warning) => ticket.warnings.push(warning),
        onProgress: ({ step, steps, preview }) => ticket.advance(step, steps, preview),
      });
      await restored.toFile(this.pathOf(ticket));
      ticket.signal.throwIfAborted();
      this.usualSeconds += (seconds - this.usualSeconds) / 8;
      ticket.finish('done', { seconds, sigma: restored.record.sigma });
    } catch (error) {
      this.fail(ticket, error);
    } finally {
      clearTimeout(this.timers.get(ticket));
    }
    this.onEnd(ticket);
    this.keep(ticket);
  }

  private fail(ticket: Ticket, error: unknown): void {
    const { status, problem } = answerTo(error);
    if (status === 500) this.settings.onFault?.(error);
    const isStopped = problem.code === 'ERR_LATINO_STOPPED';
    ticket.finish(isStopped ? 'stopped' : 'failed', { problem: isStopped ? undefined : problem });
  }

  /** Keeps it for a while, and forgets the oldest where there are too many. */
  private keep(ticket: Ticket): void {
    // Out of those that are kept it is the latest now.
    if (!this.tickets.delete(ticket.id)) return;
    this.tickets.set(ticket.id, ticket);
    const { keep, keepSeconds } = this.settings;
    this.timers.set(ticket, setTimeout(() => this.evict(ticket), keepSeconds * 1000).unref());
    const ended = [...this.tickets.values()].filter(({ hasEnded }) => hasEnded);
    for (const oldest of ended.slice(0, Math.max(0, ended.length - keep))) this.evict(oldest);
  }

  private evict(ticket: Ticket): void {
    this.forget(ticket).catch((error: unknown) => this.settings.onFault?.(error));
  }
}

const pictureOf = ({ order }: Ticket): string => order.upload.files.get('file')!;

const draining = (what: string): ServiceError => new ServiceError('ERR_LATINO_DRAINING', `The service is being stopped and ${what}`);

/** When its picture has been fetched, or there is none to fetch. */
function isFetched(ticket: Ticket): Promise<void> {
  return new Promise((resolve) => {
    ticket.events.once('fetched', resolve);
    ticket.events.on('state', () => {
      if (ticket.state === 'failed' || ticket.state === 'stopped') resolve();
    });
  });
}
