import { setImmediate } from 'node:timers/promises';
import type { Conditioning } from './conditioning.js';

/** Prompts whose embeddings are kept. */
const CAPACITY = 32;

/** Embeddings of the prompts that were used last, each encoded once however many ask for it at the same time. */
export class PromptCache {
  private readonly embeddings = new Map<string, Promise<Conditioning>>();

  constructor(private readonly encode: (prompt: string) => Promise<Conditioning>) {}

  /** What `use` makes of the prompt's embedding, which lives until `use` returns and stays the cache's. */
  async with<T>(prompt: string, use: (embedding: Conditioning) => T): Promise<T> {
    const known = this.embeddings.get(prompt);
    const embedding = known ?? this.encode(prompt);
    // The one used last is at the end.
    this.embeddings.delete(prompt);
    this.embeddings.set(prompt, embedding);
    if (!known) this.forgetWhatFails(prompt, embedding);
    this.evict();
    return use(await embedding);
  }

  /** Forgets all; their memory is given back when the promise is settled. */
  async clear(): Promise<void> {
    await Promise.all([...this.embeddings.keys()].map((prompt) => this.drop(prompt)));
  }

  private forgetWhatFails(prompt: string, embedding: Promise<Conditioning>): void {
    const forget = (): void => {
      if (this.embeddings.get(prompt) === embedding) this.embeddings.delete(prompt);
    };
    embedding.then((conditioning) => conditioning.ready()).catch(forget);
  }

  private evict(): void {
    if (this.embeddings.size > CAPACITY) void this.drop(this.embeddings.keys().next().value!);
  }

  private async drop(prompt: string): Promise<void> {
    const embedding = this.embeddings.get(prompt)!;
    this.embeddings.delete(prompt);
    const conditioning = await embedding.catch(() => undefined);
    // After whoever waits for it already, whose `use` is called first.
    await setImmediate();
    conditioning?.dispose();
  }
}
