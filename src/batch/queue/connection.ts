import type { Redis } from 'ioredis';
import { LatinoError } from '../../errors.js';
import { loadQueuePackages } from './packages.js';

/** Which queue, and where. */
export interface QueueAddress {
  /** `redis://host:port`, or `rediss://` for TLS; with a user and a password where there is one. */
  readonly url: string;
  readonly name: string;
}

const FIRST_ANSWER_MS = 10_000;
const LONGEST_PAUSE_MS = 2_000;

/** A connection to Redis, and those that BullMQ makes of it to wait on. */
export interface QueueConnection {
  readonly redis: Redis;
  /** Ends them all, though Redis be away: not even waiting for it keeps the process. */
  end(): void;
}

/**
 * Connects to Redis. What does not answer now is an error; what goes away later is waited for, as long as it takes.
 *
 * @throws LatinoError ERR_LATINO_ARGUMENT, ERR_LATINO_QUEUE
 */
export async function connect({ url }: Pick<QueueAddress, 'url'>): Promise<QueueConnection> {
  const shown = withoutCredentials(url);
  const { Redis } = await loadQueuePackages();
  let isUp = false;
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: FIRST_ANSWER_MS,
    maxRetriesPerRequest: null,
    retryStrategy: (times) => (isUp ? Math.min(times * 100, LONGEST_PAUSE_MS) : null),
  });
  let trouble: Error | undefined;
  // An error while it is away is no failure: it connects again, and commands wait for that.
  redis.on('error', (error) => {
    trouble = error;
  });
  try {
    await redis.connect();
    isUp = true;
    return { redis, end: endOfAll(redis) };
  } catch (error) {
    redis.disconnect();
    const reason = (trouble ?? (error as Error)).message || 'it refused the connection';
    // Without a cause: that of a password that is refused has the password in it.
    throw new LatinoError('ERR_LATINO_QUEUE', `Expected a Redis that answers at ${shown} but ${reason}`);
  }
}

function endOfAll(redis: Redis): () => void {
  const all = [redis];
  const duplicate = redis.duplicate.bind(redis);
  redis.duplicate = (override) => {
    const copy = duplicate(override);
    all.push(copy);
    return copy;
  };
  return () => {
    for (const each of all) each.disconnect();
  };
}

/**
 * A queue's address as it may be shown, and kept: protocol, host and database. A password may stand before the host, and in the query.
 *
 * @throws LatinoError ERR_LATINO_ARGUMENT when it is none
 */
export function withoutCredentials(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['redis:', 'rediss:'].includes(url.protocol))
    throw new LatinoError('ERR_LATINO_ARGUMENT', `Expected redis://host:port for the queue but received ${url?.protocol ?? 'no address'}`);
  return `${url.protocol}//${url.host}${/^\/\d+$/.exec(url.pathname)?.[0] ?? ''}`;
}

/** What Redis answered in place of doing as it was told, such as that its memory is full; anything else as it is. */
export function redisRefusal(error: unknown): unknown {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return error;
  return new LatinoError('ERR_LATINO_QUEUE', `Expected Redis to keep the queue but it answers: ${error.message}`);
}
