import { Latino } from '../../latino.js';
import { modelDigest } from '../../model_digest.js';
import type { LoadOptions } from '../../options.js';
import { Condition } from '../../scheduling/condition.js';
import type { RestorationQueue } from '../../scheduling/restoration_queue.js';

/** A model in memory. */
export interface LoadedModel {
  readonly digest: string;
  readonly queue: RestorationQueue;
}

interface Holding {
  readonly key: string;
  readonly model: Promise<LoadedModel & AsyncDisposable>;
  users: number;
}

/** Holds one model: the last that was asked for. One that is in use stays until it is not. */
export class ModelHolder implements AsyncDisposable {
  private held?: Holding;
  private readonly freed = new Condition();

  /** @param capacity images that wait for a model at a time */
  constructor(private readonly capacity: number) {}

  async use<Result>(options: LoadOptions, work: (model: LoadedModel) => Promise<Result>): Promise<Result> {
    const holding = await this.hold(options);
    try {
      return await work(await holding.model);
    } finally {
      holding.users--;
      this.freed.notify();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.letGo();
  }

  private async hold(options: LoadOptions): Promise<Holding> {
    const key = JSON.stringify(options);
    while (this.held?.key !== key) {
      if (this.held && this.held.users > 0) await this.freed.wait();
      else {
        await this.letGo();
        this.held ??= { key, model: this.load(options), users: 0 };
      }
    }
    this.held.users++;
    return this.held;
  }

  private async load(options: LoadOptions): Promise<LoadedModel & AsyncDisposable> {
    try {
      const digest = await modelDigest(options);
      const latino = await Latino.load(options);
      return { digest, queue: latino.queue({ capacity: this.capacity }), [Symbol.asyncDispose]: () => latino.dispose() };
    } catch (error) {
      // The next to ask tries again.
      this.held = undefined;
      throw error;
    }
  }

  private async letGo(): Promise<void> {
    const model = this.held?.model;
    this.held = undefined;
    await (await model?.catch(() => undefined))?.[Symbol.asyncDispose]();
  }
}
