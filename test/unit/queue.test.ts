import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../src/batch/queue/connection.js';
import type { Outcome } from '../../src/batch/queue/outcome.js';
import { type QueuedImage, restoreOnWorkers } from '../../src/batch/queue/producer.js';
import { type WorkOptions, work } from '../../src/batch/queue/worker.js';
import { LatinoError } from '../../src/errors.js';
import { withCode } from '../support/errors.js';
import { freePort, RedisServer, redisServer } from '../support/redis.js';

/** A promise, and how to keep it. */
function signalled(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((keep) => {
    resolve = keep;
  });
  return { promise, resolve };
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

it('refuses what is no Redis', async () => {
  const nobody = `redis://me:secret@127.0.0.1:${await freePort()}`;
  await expect(connect({ url: nobody })).rejects.toEqual(
    withCode('QUEUE', /^Expected a Redis that answers at redis:\/\/127\.0\.0\.1:\d+ but .*ECONNREFUSED/),
  );
  await expect(connect({ url: 'http://127.0.0.1' })).rejects.toEqual(withCode('ARGUMENT', /redis:\/\/host:port.*http:/));
  await expect(connect({ url: 'nothing' })).rejects.toEqual(withCode('ARGUMENT'));
});

describe.skipIf(!redisServer)(`a queue${redisServer ? '' : ' (skipped: there is no redis-server here)'}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'latino-queue-'));
  let redis: RedisServer;
  let queues = 0;
  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  afterAll(async () => {
    await redis?.dispose();
    rmSync(folder, { recursive: true });
  });

  const address = () => ({ url: redis.url, name: `queue-${queues++}` });
  const images = (count: number, prefix: string): QueuedImage[] =>
    Array.from({ length: count }, (_, k) => {
      const output = join(folder, `${prefix}-${k}`);
      return { id: digest(`${prefix} ${k}`), output, data: { text: `${prefix} ${k}`, output } };
    });

  /** What a worker does in place of restoring. */
  const write = (data: unknown): Outcome => {
    const { text, output } = data as { text: string; output: string };
    writeFileSync(output, text);
    return { status: 'done', seconds: 0.01, width: 1, height: 1, finishedAt: '2026', file: { path: output, sha256: digest(text) } };
  };
  /** A worker in this process, and how to end it. */
  const start = (options: Pick<WorkOptions, 'address' | 'perform'> & Partial<WorkOptions>) => {
    const controller = new AbortController();
    const ended = work({ concurrency: 2, lockSeconds: 30, graceSeconds: 20, stop: controller.signal, ...options });
    return { ended, stop: () => controller.abort() };
  };
  async function collect(
    at: ReturnType<typeof address>,
    wanted: readonly QueuedImage[],
    signal?: AbortSignal,
  ): Promise<Map<string, Outcome>> {
    const outcomes = new Map<string, Outcome>();
    for await (const { image, outcome } of restoreOnWorkers(at, wanted, { signal })) {
      expect(outcomes.has(image.output)).toBe(false);
      outcomes.set(image.output, outcome);
    }
    return outcomes;
  }

  it('refuses a password that is wrong, and shows it nowhere in the error', async () => {
    const { port } = new URL(redis.url);
    for (const url of [`redis://:mistyped@127.0.0.1:${port}`, `redis://127.0.0.1:${port}?password=mistyped`]) {
      const error = await connect({ url }).catch((refusal: unknown) => refusal);
      expect(error).toEqual(withCode('QUEUE', /127\.0\.0\.1:\d+ but WRONGPASS/));
      expect(inspect(error, { depth: null, showHidden: true })).not.toContain('mistyped');
    }
  });

  it('ends with what Redis says when it takes no more', async () => {
    const { redis: connection, end } = await connect(redis);
    await connection.config('SET', 'maxmemory', '1');
    const refused = await collect(address(), images(1, 'full')).catch((error: unknown) => error);
    await connection.config('SET', 'maxmemory', '0');
    end();
    expect(refused).toEqual(withCode('QUEUE', /it answers: .*OOM/));
  });

  /** What a queue holds of jobs, done or not. */
  async function jobsOf({ url, name }: ReturnType<typeof address>): Promise<string[]> {
    const { redis: connection, end } = await connect({ url });
    const keys = await connection.keys(`bull:${name}:*`);
    end();
    return keys.filter((key) => /:[0-9a-f]{64}$/.test(key));
  }

  it('shares images among workers, each done once, and leaves nothing behind', async () => {
    const at = address();
    const done: string[] = [];
    const perform: WorkOptions['perform'] = async (data) => {
      done.push((data as { text: string }).text);
      await setTimeout(2);
      return write(data);
    };
    const workers = [start({ address: at, perform }), start({ address: at, perform })];
    const wanted = images(100, 'shared');
    const outcomes = await collect(at, wanted);
    expect([...outcomes.keys()].sort()).toEqual(wanted.map(({ output }) => output).sort());
    expect(done.sort()).toEqual(wanted.map((_, k) => `shared ${k}`).sort());
    for (const worker of workers) worker.stop();
    await Promise.all(workers.map(({ ended }) => ended));
    expect(await jobsOf(at)).toEqual([]);
  });

  it('restores one content once, however many outputs ask for it', async () => {
    const at = address();
    let done = 0;
    const [image] = images(1, 'same') as [QueuedImage];
    const again = { ...image, output: join(folder, 'same-again') };
    const worker = start({
      address: at,
      perform: async (data) => {
        done++;
        await setTimeout(200);
        return write(data);
      },
    });
    const outcomes = await collect(at, [image, again]);
    expect(done).toBe(1);
    expect([...outcomes.keys()]).toEqual([image.output, again.output]);
    expect(readFileSync(again.output, 'utf8')).toBe('same 0');
    worker.stop();
    await worker.ended;
  });

  it('gives the errors of images at once, and tries again what the machine is to blame for', async () => {
    const at = address();
    const attempts = new Map<string, number>();
    const worker = start({
      address: at,
      perform: async (data) => {
        const { text } = data as { text: string };
        const attempt = (attempts.get(text) ?? 0) + 1;
        attempts.set(text, attempt);
        if (text === 'faults 0')
          return { status: 'failed', seconds: 1, error: { code: 'ERR_LATINO_IMAGE', message: 'no image' }, finishedAt: '2026' };
        if (text === 'faults 1') throw new LatinoError('ERR_LATINO_OUTPUT', 'the disk\nis full');
        if (attempt === 1) throw new LatinoError('ERR_LATINO_DEVICE_MEMORY', 'once only');
        return write(data);
      },
    });
    const wanted = images(3, 'faults');
    const outcomes = await collect(at, wanted);
    expect(wanted.map(({ output }) => outcomes.get(output))).toEqual([
      { status: 'failed', seconds: 1, error: { code: 'ERR_LATINO_IMAGE', message: 'no image' }, finishedAt: '2026' },
      { status: 'failed', seconds: 0, error: { code: 'ERR_LATINO_OUTPUT', message: 'the disk\nis full' }, finishedAt: expect.any(String) },
      expect.objectContaining({ status: 'done' }),
    ]);
    expect([...attempts.values()]).toEqual([1, 3, 2]);
    worker.stop();
    await worker.ended;
  });

  it('finds what was done while no producer was there, unless the file is another by now', async () => {
    const at = address();
    const wanted = images(4, 'found');
    const done: string[] = [];
    const perform: WorkOptions['perform'] = async (data) => {
      done.push((data as { text: string }).text);
      return write(data);
    };
    // A producer that goes away after the first outcome, without a word: the jobs stay.
    const first = restoreOnWorkers(at, wanted);
    const started = first.next();
    const worker = start({ address: at, perform });
    await started;
    while (done.length < 4) await setTimeout(10);
    await first.return();
    rmSync(wanted[1]!.output);
    writeFileSync(wanted[2]!.output, 'another');
    const outcomes = await collect(at, wanted);
    expect(outcomes.size).toBe(4);
    expect(wanted.map(({ output }) => readFileSync(output, 'utf8'))).toEqual(wanted.map((_, k) => `found ${k}`));
    expect(done.filter((text) => text === 'found 3')).toHaveLength(1);
    expect(done.filter((text) => text === 'found 1' || text === 'found 2')).toHaveLength(4);
    worker.stop();
    await worker.ended;
  });

  it('takes back what nobody has begun when the producer is aborted', async () => {
    const at = address();
    const controller = new AbortController();
    const collecting = collect(at, images(20, 'aborted'), controller.signal);
    while ((await jobsOf(at)).length < 20) await setTimeout(10);
    controller.abort(new Error('enough'));
    await expect(collecting).rejects.toThrow('enough');
    expect(await jobsOf(at)).toEqual([]);
  });

  it('finishes what is under way when a worker is stopped, and gives back what takes longer than the grace', async () => {
    const at = address();
    const given: string[] = [];
    const begun = signalled();
    const slow: WorkOptions['perform'] = (_, signal) => {
      begun.resolve();
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
    };
    const first = start({
      address: at,
      graceSeconds: 0.2,
      onGivenBack: (id) => given.push(id),
      perform: async (data, signal) => {
        if ((data as { text: string }).text === 'stopped 1') return slow(data, signal);
        await setTimeout(100);
        return write(data);
      },
    });
    const wanted = images(4, 'stopped');
    const collecting = collect(at, wanted);
    await begun.promise;
    first.stop();
    await first.ended;
    expect(given).toEqual([wanted[1]!.id]);
    const second = start({ address: at, perform: async (data) => write(data) });
    expect((await collecting).size).toBe(4);
    second.stop();
    await second.ended;
  });

  it('loses nothing when Redis is ended and started again, however it ends', async () => {
    const at = address();
    const done: string[] = [];
    const perform: WorkOptions['perform'] = async (data) => {
      await setTimeout(20);
      done.push((data as { text: string }).text);
      return write(data);
    };
    const workers = [start({ address: at, perform, lockSeconds: 4 }), start({ address: at, perform, lockSeconds: 4 })];
    const wanted = images(150, 'restarted');
    const collecting = collect(at, wanted);
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      await setTimeout(300);
      await redis.end(signal);
      await setTimeout(300);
      await redis.start();
    }
    expect((await collecting).size).toBe(150);
    // While Redis was away for longer than a lock holds, what was under way is done again.
    expect(new Set(done).size).toBe(150);
    for (const worker of workers) worker.stop();
    await Promise.all(workers.map(({ ended }) => ended));
  });

  it('ends a worker whose Redis is gone', async () => {
    const own = await RedisServer.start();
    const worker = start({ address: { url: own.url, name: 'gone' }, perform: async (data) => write(data), graceSeconds: 0 });
    await setTimeout(300);
    await own.end('SIGKILL');
    worker.stop();
    await worker.ended;
    await own.dispose();
  });
});
