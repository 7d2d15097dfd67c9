import { LatinoError } from '../../errors.js';

/**
 * BullMQ and its connection to Redis: packages that only those install who use a queue, loaded only then.
 *
 * @throws LatinoError ERR_LATINO_QUEUE when one is not installed
 */
export async function loadQueuePackages(): Promise<{ bullmq: typeof import('bullmq'); Redis: typeof import('ioredis').Redis }> {
  try {
    const [bullmq, { Redis }] = await Promise.all([import('bullmq'), import('ioredis')]);
    return { bullmq, Redis };
  } catch (cause) {
    const reason = (cause as Error).message.split('\n')[0];
    const packages = 'Expected the packages bullmq and ioredis for a queue (npm install bullmq ioredis)';
    throw new LatinoError('ERR_LATINO_QUEUE', `${packages} but cannot load them: ${reason}`, { cause });
  }
}
