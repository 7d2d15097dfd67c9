import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Queue, QueueEvents } from 'bullmq';
import { embeddedModelFolder, Latino } from 'latino-native';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startWorker } from '../../examples/programs/bullmq-worker.js';
import { createServer } from '../../examples/programs/fastify-route.js';
import { POST } from '../../examples/programs/nextjs-route.js';
import { sharpenThumbnail } from '../../examples/programs/sharp-pipeline.js';
import { RedisServer, redisServer } from '../support/redis.js';

// What examples/programs holds runs, on real requests, files and jobs.

const folder = mkdtempSync(join(tmpdir(), 'latino-programs-'));
const at = (name: string): string => join(folder, name);
const sample = join(embeddedModelFolder('photos'), 'samples/coffee.png');
let latino: Latino;

beforeAll(async () => {
  await sharp(sample).resize(32).toFile(at('small.png'));
  latino = await Latino.load();
});
afterAll(async () => {
  await latino.dispose();
  rmSync(folder, { recursive: true });
});

function form(fields: Readonly<Record<string, string>>, file?: Buffer): FormData {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.append(name, value);
  if (file) data.append('file', new Blob([new Uint8Array(file)]), 'small.png');
  return data;
}

describe('the example programs', () => {
  it('answer a request to a Fastify service', async () => {
    const server = await createServer();
    const address = await server.listen({ port: 0 });
    const post = (body: FormData) => fetch(`${address}/enlarge`, { method: 'POST', body });
    const answer = await post(form({}, readFileSync(at('small.png'))));
    expect(answer.status).toBe(200);
    expect(await sharp(await answer.arrayBuffer()).metadata()).toMatchObject({ format: 'webp', width: 128, height: 128 });
    expect((await post(form({}, Buffer.from('no picture')))).status).toBe(422);
    expect((await post(form({}))).status).toBe(400);
    await server.close();
  });

  it('answer a request to a route of Next.js', async () => {
    const post = (body: FormData) => POST(new Request('http://localhost/api/restore', { method: 'POST', body }));
    const answer = await post(form({ task: 'sr:2' }, readFileSync(at('small.png'))));
    expect(answer.status).toBe(200);
    expect(await sharp(await answer.arrayBuffer()).metadata()).toMatchObject({ format: 'webp', width: 64, height: 64 });
    expect((await post(form({ task: 'inpaint:/etc/passwd' }, readFileSync(at('small.png'))))).status).toBe(422);
    expect((await post(form({ task: 'sr:2' }))).status).toBe(400);
  });

  it('stand in a sharp pipeline', async () => {
    await sharpenThumbnail(latino, sample, at('thumbnail.avif'));
    expect(await sharp(at('thumbnail.avif')).metadata()).toMatchObject({ format: 'heif', width: 128, height: 128 });
  });

  it.skipIf(!redisServer)(`take jobs from BullMQ${redisServer ? '' : ' (skipped: there is no redis-server here)'}`, async () => {
    const redis = await RedisServer.start();
    const connection = { url: redis.url, maxRetriesPerRequest: null };
    const [queue, events] = [new Queue('restore', { connection }), new QueueEvents('restore', { connection })];
    const worker = startWorker(latino, 'restore', connection);
    const done = await queue.add('restore', { input: at('small.png'), output: at('large.png'), task: 'sr:4' });
    expect(await done.waitUntilFinished(events)).toEqual({ seconds: expect.any(Number) });
    expect(await sharp(at('large.png')).metadata()).toMatchObject({ width: 128, height: 128 });
    const failed = await queue.add('restore', { input: at('nowhere.png'), output: at('x.png'), task: 'sr:4' }, { attempts: 3 });
    await expect(failed.waitUntilFinished(events)).rejects.toThrow('[ERR_LATINO_IMAGE]');
    expect((await queue.getJob(failed.id!))?.attemptsMade).toBe(1);
    await worker.close();
    await events.close();
    await queue.close();
    await redis.dispose();
  });
});
