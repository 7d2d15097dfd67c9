import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ImageRecord } from '../../src/batch/journal.js';
import type { BatchOptions } from '../../src/batch/options.js';
import { writeReport } from '../../src/batch/report/report.js';
import { runBatch } from '../../src/batch/run.js';
import { gaussianBlur } from '../../src/index.js';
import { commandLine, portraits } from '../support/cli.js';
import { PASSWORD, RedisServer, redisServer } from '../support/redis.js';

interface Event {
  readonly event: string;
  readonly id?: string;
}

/** A worker as a machine has it: a process of its own, and what it says. */
class WorkerProcess {
  readonly events: Event[] = [];
  readonly exited: Promise<unknown>;
  readonly process: ChildProcess;

  constructor(...args: string[]) {
    const [node, main] = commandLine;
    this.process = spawn(node, [main, 'worker', '--json', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.exited = once(this.process, 'exit');
    createInterface({ input: this.process.stdout! }).on('line', (line) => this.events.push(JSON.parse(line) as Event));
  }

  said = (event: string): (string | undefined)[] => this.events.filter((each) => each.event === event).map(({ id }) => id);

  async until(event: string, count = 1): Promise<void> {
    while (this.said(event).length < count) await setTimeout(10);
  }

  async end(signal: NodeJS.Signals): Promise<unknown> {
    this.process.kill(signal);
    return ((await this.exited) as unknown[])[0];
  }
}

/** Of them all but one are pictures. */
const IMAGES = 7;
const PICTURES = IMAGES - 1;

describe.skipIf(!redisServer)(`batch by workers${redisServer ? '' : ' (skipped: there is no redis-server here)'}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'latino-workers-'));
  const inputs = join(folder, 'in');
  const workers: WorkerProcess[] = [];
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await RedisServer.start();
    mkdirSync(inputs);
    for (const name of readdirSync(join(portraits, 'samples')).sort().slice(0, PICTURES))
      copyFileSync(join(portraits, 'samples', name), join(inputs, name));
    writeFileSync(join(inputs, 'broken.png'), 'no picture');
  });
  afterAll(async () => {
    for (const { process } of workers) process.kill('SIGKILL');
    await redis?.dispose();
    rmSync(folder, { recursive: true });
  });

  const start = (name: string, ...args: string[]): WorkerProcess => {
    workers.push(new WorkerProcess('--queue', redis.url, '--queue-name', name, '--threads', '1', ...args));
    return workers.at(-1)!;
  };
  // Steps enough that a fast machine is not done before a worker is killed.
  const options = { operator: gaussianBlur({ sigma: 2 }), sigma: 0.05, steps: 12, model: { model: 'portraits', threads: 1 } };
  const batch = (name: string, out: string, own: Partial<BatchOptions> = {}) =>
    runBatch(inputs, { ...options, ...own, out: join(folder, out), queue: { url: redis.url, name, operator: 'deblur:gaussian:2' } });
  const journal = (out: string): ImageRecord[] =>
    readFileSync(join(folder, out, 'latino-batch.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as ImageRecord)
      .filter(({ kind }) => kind === 'image');
  /** The bytes of every restored file. */
  const results = (out: string): Map<string, string> =>
    new Map(
      readdirSync(join(folder, out))
        .filter((name) => name.endsWith('.png'))
        .sort()
        .map((name) => [name, readFileSync(join(folder, out, name), 'base64')]),
    );

  /** Every image is in the journal once, and no two workers finished one. What one finished and had no time left to tell is in the journal alone. */
  function expectOnceEach(out: string, ...by: WorkerProcess[]): void {
    const outputs = journal(out).map(({ output }) => output);
    expect(outputs).toHaveLength(IMAGES);
    expect(new Set(outputs).size).toBe(IMAGES);
    const told = by.flatMap((worker) => worker.said('image'));
    expect(new Set(told).size).toBe(told.length);
  }

  it('restores as this process would, to the byte, and writes down what failed', async () => {
    const worker = start('alike');
    const summary = await batch('alike', 'alike');
    expect(summary).toMatchObject({ total: IMAGES, restored: PICTURES, failed: 1 });
    expect(await runBatch(inputs, { ...options, out: join(folder, 'here') })).toMatchObject({ restored: PICTURES, failed: 1 });
    expect(results('alike')).toEqual(results('here'));
    const known = ({ input, output, id, status, seed, width, error }: ImageRecord) => ({ input, output, id, status, seed, width, error });
    const sorted = (out: string) =>
      journal(out)
        .map(known)
        .sort((a, b) => (a.output < b.output ? -1 : 1));
    expect(sorted('alike')).toEqual(sorted('here'));
    expect(await batch('alike', 'alike')).toMatchObject({ restored: 0, skipped: PICTURES, failed: 1 });
    await writeReport(join(folder, 'alike'));
    const written = ['latino-batch.jsonl', 'report.html'].map((name) => readFileSync(join(folder, 'alike', name), 'utf8'));
    expect(written[0]).toContain(`"queue":"redis://127.0.0.1:${new URL(redis.url).port}"`);
    for (const text of [...written, JSON.stringify(worker.events)]) expect(text).not.toContain(PASSWORD);

    const calibrated = { calibrateOn: 1, calibration: { passes: 1 }, limit: 3 };
    await batch('alike', 'calibrated', calibrated);
    await runBatch(inputs, { ...options, ...calibrated, out: join(folder, 'calibrated-here') });
    expect(results('calibrated')).toEqual(results('calibrated-here'));
    expect(results('calibrated').get('00.png')).not.toBe(results('here').get('00.png'));
    expect(await worker.end('SIGTERM')).toBe(0);
  });

  it('does every image once, though a worker is killed in the middle', async () => {
    const two = ['--lock', '3', '--concurrency', '2'];
    const [doomed, other] = [start('killed', ...two), start('killed', ...two)];
    await Promise.all([doomed.until('ready'), other.until('ready')]);
    const running = batch('killed', 'killed');
    await doomed.until('image');
    await doomed.end('SIGKILL');
    expect(doomed.said('image').length + other.said('image').length).toBeLessThan(IMAGES);
    expect(await running).toMatchObject({ restored: PICTURES, failed: 1 });
    expectOnceEach('killed', doomed, other);
    expect(results('killed')).toEqual(results('here'));
    expect(await other.end('SIGTERM')).toBe(0);
    expect(readdirSync(join(folder, 'killed')).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('loses nothing when Redis is restarted in the middle', async () => {
    const two = [1, 2].map(() => start('restarted', '--lock', '5', '--concurrency', '2'));
    await Promise.all(two.map((worker) => worker.until('ready')));
    const running = batch('restarted', 'restarted');
    await two[0]!.until('image');
    await redis.end('SIGKILL');
    expect(two.flatMap((worker) => worker.said('image')).length).toBeLessThan(IMAGES);
    await setTimeout(500);
    await redis.start();
    expect(await running).toMatchObject({ restored: PICTURES, failed: 1 });
    expectOnceEach('restarted', ...two);
    expect(results('restarted')).toEqual(results('here'));
    expect(await Promise.all(two.map((worker) => worker.end('SIGTERM')))).toEqual([0, 0]);
  });

  it('gives back what a stopped worker does not finish within its grace, and ends a worker whose Redis is away', async () => {
    const worker = start('graceful', '--grace', '0');
    await worker.until('ready');
    const running = batch('graceful', 'graceful');
    await worker.until('image');
    expect(await worker.end('SIGTERM')).toBe(0);
    const next = start('graceful', '--grace', '2');
    expect(await running).toMatchObject({ restored: PICTURES, failed: 1 });
    expectOnceEach('graceful', worker, next);
    await redis.end('SIGKILL');
    expect(await next.end('SIGTERM')).toBe(0);
  });
});
