import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { BatchSettings } from '../../src/batch/options.js';
import type { OutputFolder } from '../../src/batch/output_folder.js';
import type { Work } from '../../src/batch/plan.js';
import { withoutCredentials } from '../../src/batch/queue/connection.js';
import { QueuedJob } from '../../src/batch/queue/job.js';
import { type QueuedWork, queueWorks } from '../../src/batch/queue/queue_works.js';
import { inpainting, runBatch } from '../../src/index.js';
import { idOf } from '../support/batch_folder.js';
import { withCode } from '../support/errors.js';

const mask = { width: 2, height: 1, values: [0, 1] };
const operator = inpainting({ mask });
const folder = { path: 'out', temporaries: 'out/.tmp' } as OutputFolder;
const spelled = { url: 'redis://127.0.0.1', name: 'q', operator: 'inpaint:mask.png' };
const work = (output: string, reference?: string): Work => ({
  todo: 'restore',
  entry: { path: '/in/a.png', name: 'a.png' },
  output,
  id: idOf('one content'),
  seed: 3,
  settings: { operator, sigma: 0.1 },
  reference,
});

async function travel(works: readonly Work[], settings: Partial<BatchSettings> = {}): Promise<QueuedWork[]> {
  const given = async function* () {
    yield* works;
  };
  const travelling = { settings: { out: 'out', operator, sigma: 0.1, ...settings, queue: settings.queue ?? spelled }, folder };
  const images: QueuedWork[] = [];
  for await (const image of queueWorks(given(), travelling)) images.push(image);
  return images;
}

describe('an image on its way to a worker', () => {
  it('is paths and spellings, and no pixels', async () => {
    const [image] = await travel([work('b/a.png', 'clean/a.png')], {
      model: { vae: 'taesd', unet: 'dmd2.safetensors', loras: ['l.safetensors'], threads: 2 },
    });
    const job = QueuedJob.parse(JSON.parse(JSON.stringify(image!.data)));
    expect(job).toMatchObject({
      id: idOf('one content'),
      input: '/in/a.png',
      output: resolve('out/b/a.png'),
      reference: resolve('clean/a.png'),
      temporaries: resolve('out/.tmp'),
      settings: { operator: 'inpaint:mask.png', sigma: 0.1 },
      settingsBase: process.cwd(),
    });
    expect(job.model).toEqual({ vae: resolve('taesd'), unet: resolve('dmd2.safetensors'), loras: [resolve('l.safetensors')] });
    expect(JSON.stringify(image!.data).length).toBeLessThan(1024);
  });

  it('finds embedded models by their name, others by their folder', async () => {
    const modelOf = async (model: string): Promise<unknown> => (await travel([work('a.png')], { model: { model } }))[0]!.data;
    expect(await modelOf('portraits')).toMatchObject({ model: { model: 'portraits' } });
    expect(await modelOf('mine')).toMatchObject({ model: { model: join(process.cwd(), 'mine') } });
  });

  it('is restored once for outputs of one kind with one reference, and only for those', async () => {
    const images = await travel([work('a.png'), work('b.PNG'), work('c.jpg'), work('d.png', 'clean.png')]);
    const [a, b, c, d] = images.map(({ id }) => id);
    expect(b).toBe(a);
    expect(new Set([a, c, d]).size).toBe(3);
  });

  it('is refused where its operator or embedding has no spelling', async () => {
    const queue = { ...spelled, operator: undefined };
    await expect(travel([work('a.png')], { queue })).rejects.toEqual(withCode('ARGUMENT', /queue\.operator/));
  });
});

it('leaves to workers what is theirs to decide', async () => {
  const queue = { url: 'redis://127.0.0.1' };
  await expect(runBatch('in', { out: 'out', queue, together: 4 })).rejects.toEqual(withCode('ARGUMENT', /together .* received 4/));
});

it('shows a queue without user and password, wherever they stand', () => {
  expect(withoutCredentials('rediss://me:secret@host:6380/2')).toBe('rediss://host:6380/2');
  expect(withoutCredentials('redis://host/?password=secret')).toBe('redis://host');
  expect(withoutCredentials('redis://127.0.0.1:6379')).toBe('redis://127.0.0.1:6379');
});
