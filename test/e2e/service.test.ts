import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { convolution, estimateSigma, inpainting, Latino, parseOperator } from '../../src/index.js';
import { createService, type Service, type ServiceOptions } from '../../src/service/index.js';
import { Client, formOf, LONG, SHORT, sample, TemporaryFiles } from '../support/service.js';

let latino: Latino;
let temporary: TemporaryFiles;
beforeAll(async () => {
  temporary = new TemporaryFiles();
  latino = await Latino.load({ model: 'portraits' });
});
afterEach(() => expect(temporary.folders).toEqual([]));
afterAll(async () => {
  await latino.dispose();
  temporary[Symbol.dispose]();
});

interface Open extends AsyncDisposable {
  readonly service: Service;
  readonly client: Client;
}

async function open(options: ServiceOptions = {}): Promise<Open> {
  const service = await createService(latino, { modelName: 'portraits', ...options });
  const url = await service.app.listen({ host: '127.0.0.1', port: 0 });
  return { service, client: new Client(url, options.token), [Symbol.asyncDispose]: () => service[Symbol.asyncDispose]() };
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await sleep(5);
}

const stop = (client: Client, id: string): Promise<Response> => client.request(`/v1/restorations/${id}`, { method: 'DELETE' });

describe('a restoration', () => {
  it('comes to what the library makes, and its steps and previews are told', async () => {
    await using opened = await open({ concurrency: 1 });
    const { client } = opened;
    const before = await client.ask(LONG);
    const fields = { task: 'sr:2', sigma: '0.05', prompt: 'a man', seed: '7', steps: '3', previews: 'true' };
    const response = await client.post(formOf(fields));
    expect(response.status).toBe(202);
    const asked = (await response.json()) as { id: string };
    expect(response.headers.get('location')).toBe(`/v1/restorations/${asked.id}`);
    const told = { id: asked.id, task: 'sr:2', sigma: 0.05, prompt: 'a man', seed: 7, steps: 3, width: 256, height: 256 };
    expect(asked).toMatchObject({ ...told, state: 'waiting', position: expect.any(Number) });

    const events = [];
    for await (const event of client.events(asked.id)) {
      // Somebody listens: it may begin.
      if (events.push(event) === 1) await stop(client, before.id);
    }
    expect(events.filter(({ event }) => event === 'step').map(({ data: { step } }) => step)).toEqual([1, 2, 3]);
    const preview = events.find(({ event }) => event === 'preview')!.data.image!;
    expect(await sharp(Buffer.from(preview.replace(/^data:image\/jpeg;base64,/, ''), 'base64')).metadata()).toMatchObject({ width: 256 });
    const last = events.at(-1)!;
    expect(last).toMatchObject({ event: 'state', data: { ...told, state: 'done', step: 3, seconds: expect.any(Number) } });
    expect(last.data.warnings).toEqual([expect.objectContaining({ code: 'WARN_LATINO_UNKNOWN_IMAGE' })]);

    const options = { operator: await parseOperator('sr:2'), sigma: 0.05, prompt: 'a man', seed: 7, steps: 3, onWarning: () => undefined };
    expect(await client.image(asked.id)).toEqual(await (await latino.restore(sample, options)).toBuffer());
    expect(await (await client.request(`/v1/restorations/${asked.id}`)).json()).toEqual(last.data);
  });

  it('fills the holes of a mask that is sent with the picture', async () => {
    await using opened = await open();
    const { client } = opened;
    const pixels = new Uint8Array(128 * 128).map((_, i) => (i % 128 < 40 ? 255 : 0));
    const mask = await sharp(pixels, { raw: { width: 128, height: 128, channels: 1 } })
      .png()
      .toBuffer();
    const { id } = await client.ask({ task: 'inpaint', sigma: '0.05', steps: '2' }, { file: sample, mask });
    expect(await client.ended(id)).toMatchObject({ state: 'done', task: 'inpaint' });
    const operator = inpainting({ mask: { width: 128, height: 128, values: pixels.map((value) => (value > 0 ? 1 : 0)) } });
    const restored = await latino.restore(sample, { operator, sigma: 0.05, steps: 2, onWarning: () => undefined });
    expect(await client.image(id)).toEqual(await restored.toBuffer());
  });

  it('undoes the blur of a kernel that is sent with the picture', async () => {
    await using opened = await open();
    const { client } = opened;
    const values = [0, 64, 255, 128, 0, 0];
    const kernel = await sharp(Uint8Array.from(values), { raw: { width: 3, height: 2, channels: 1 } })
      .png()
      .toBuffer();
    const { id } = await client.ask({ task: 'Deblur:Kernel,boundary=reflect', sigma: '0.05', steps: '2' }, { file: sample, kernel });
    expect(await client.ended(id)).toMatchObject({ state: 'done', task: 'Deblur:Kernel,boundary=reflect' });
    const sum = values.reduce((total, value) => total + value, 0);
    const taps = { width: 3, height: 2, values: values.map((value) => value / sum) };
    const options = { operator: convolution({ taps, boundary: 'reflect' }), sigma: 0.05, steps: 2, onWarning: () => undefined };
    const [sent, made] = await Promise.all(
      [await client.image(id), await (await latino.restore(sample, options)).toBuffer()].map((png) => sharp(png).raw().toBuffer()),
    );
    // The picture of the kernel is read in single precision: a level may be rounded the other way.
    expect(Math.max(...sent!.map((level, i) => Math.abs(level - made![i]!)))).toBeLessThanOrEqual(1);
    expect((await client.post(formOf({ task: 'deblur:kernel' }, { file: sample, kernel }), '/v1/noise')).status).toBe(200);
  });

  it('is stopped half-way, and nothing of it stays', async () => {
    await using opened = await open();
    const { client, service } = opened;
    const { id } = await client.ask(LONG);
    await client.running(id);
    expect((await client.request(`/v1/restorations/${id}/image`)).status).toBe(409);
    const states: string[] = [];
    for await (const { event, data } of client.events(id)) {
      if (event === 'state' && states.push(data.state) === 1) expect((await stop(client, id)).status).toBe(204);
    }
    expect(states).toEqual(['running', 'stopped']);
    expect((await client.request(`/v1/restorations/${id}`)).status).toBe(404);
    expect(temporary.files).toEqual([]);
    await until(() => service.restorations.running === 0);
  });

  it('is refused where too many wait, and taken again when there is room', async () => {
    await using opened = await open({ concurrency: 1, capacity: 2 });
    const { client, service } = opened;
    const first = await client.ask(LONG);
    await client.running(first.id);
    const waiting = [await client.ask(SHORT), await client.ask(SHORT)];
    expect(waiting.map(({ position }) => position)).toEqual([1, 2]);
    const refused = await client.post(formOf(SHORT));
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await refused.json()).toEqual({ error: { code: 'ERR_LATINO_BUSY', message: expect.stringMatching(/fewer than 2 waiting/) } });
    expect(service.restorations.waiting).toBe(2);
    await stop(client, first.id);
    for (const { id } of waiting) expect(await client.ended(id)).toMatchObject({ state: 'done' });
    expect(await client.ended((await client.ask(SHORT)).id)).toMatchObject({ state: 'done' });
  });

  it('ends when it takes longer than it may', async () => {
    await using opened = await open({ maxSeconds: 0.2 });
    const { client } = opened;
    const error = { code: 'ERR_LATINO_TIME', message: expect.stringContaining('at most 0.2 s') };
    expect(await client.ended((await client.ask(LONG)).id)).toMatchObject({ state: 'failed', error });
  });

  it('is forgotten when newer ones are kept in its place, and after a while', async () => {
    await using few = await open({ keep: 2 });
    const ids: string[] = [];
    for (let k = 0; k < 3; k++) {
      ids.push((await few.client.ask(SHORT)).id);
      await few.client.ended(ids[k]!);
    }
    const status = async (id: string): Promise<number> => (await few.client.request(`/v1/restorations/${id}/image`)).status;
    expect(await Promise.all(ids.map(status))).toEqual([404, 200, 200]);
    await until(() => temporary.files.length === 2);
    await few[Symbol.asyncDispose]();

    await using brief = await open({ keepSeconds: 0.1 });
    const { id } = await brief.client.ask(SHORT);
    while ((await brief.client.request(`/v1/restorations/${id}`)).status !== 404) await sleep(5);
    await until(() => temporary.files.length === 0);
  });
});

describe('what is sent', () => {
  it('may leave half-way: nothing stays', async () => {
    await using opened = await open();
    const { client } = opened;
    const { port } = new URL(client.url);
    const leaving = Array.from({ length: 8 }, async () => {
      const socket = connect(Number(port), '127.0.0.1');
      const head = '--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n';
      socket.write(
        `POST /v1/restorations HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 100000\r\n\r\n${head}`,
      );
      socket.write(sample);
      await until(() => temporary.files.length > 0);
      socket.destroy();
    });
    await Promise.all(leaving);
    await until(() => temporary.files.length === 0);
    expect(await client.ended((await client.ask(SHORT)).id)).toMatchObject({ state: 'done' });
  });

  it('is damaged as the library does it', async () => {
    await using opened = await open();
    const response = await opened.client.post(formOf({ task: 'sr:4', sigma: '0.1', seed: '3' }), '/v1/degradations');
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'image/png']);
    const measured = await latino.degrade(sample, { operator: await parseOperator('sr:4'), sigma: 0.1, seed: 3 });
    expect(Buffer.from(await response.arrayBuffer())).toEqual(await measured.toBuffer());
  });
});

describe('a noise level that nobody gives', () => {
  it('is estimated as the library does it, alone or for a restoration', async () => {
    await using opened = await open();
    const { client } = opened;
    const operator = await parseOperator('denoise');
    const noisy = await (await latino.degrade(sample, { operator, sigma: 0.05 })).toBuffer();
    const estimate = await estimateSigma(noisy, { operator });
    const response = await client.post(formOf({ task: 'denoise' }, { file: noisy }), '/v1/noise');
    expect([response.status, await response.json()]).toEqual([200, estimate]);
    expect(estimate.sigma).toBeGreaterThan(0.03);
    for (const sigma of ['auto', '']) {
      const asked = await client.ask({ task: 'denoise', steps: '1', sigma }, { file: noisy });
      expect(asked.sigmaEstimated).toBe(true);
      expect(await client.ended(asked.id)).toMatchObject({ state: 'done', sigma: estimate.sigma, sigmaEstimated: true });
    }
    const given = await client.ask(SHORT);
    expect(await client.ended(given.id)).toMatchObject({ sigma: 0.1, sigmaEstimated: false });
  });
});

describe('whoever asks', () => {
  const token = 'correct horse battery'.replaceAll(' ', '-');

  it('needs the token where there is one, but for the page and the health', async () => {
    await using opened = await open({ token });
    const { client, service } = opened;
    const status = async (path: string, authorization?: string): Promise<number> =>
      (await fetch(`${client.url}${path}`, { headers: authorization === undefined ? {} : { authorization } })).status;
    for (const path of [
      '/v1/model',
      '/metrics',
      '/v1/restorations/x',
      '/v1/../v1/model',
      '/openapi.json/../v1/model',
      '/V1/model',
      '/nothing',
    ])
      expect([path, await status(path)]).toEqual([path, 401]);
    for (const wrong of ['Bearer', `Bearer ${token}x`, `Bearer ${token.slice(1)}`, `Basic ${token}`, token])
      expect([wrong, await status('/v1/model', wrong)]).toEqual([wrong, 401]);
    expect(await status('/v1/model', `Bearer ${token}`)).toBe(200);
    for (const path of ['/', '/healthz', '/openapi.json']) expect([path, await status(path)]).toEqual([path, 200]);
    const { components, security, paths } = (await (await fetch(`${client.url}/openapi.json`)).json()) as Record<string, object>;
    expect({ components, security, health: paths }).toMatchObject({
      components: { securitySchemes: { token: { scheme: 'bearer' } } },
      security: [{ token: [] }],
      health: { '/healthz': { get: { security: [] } } },
    });
    expect(JSON.stringify([components, security, paths])).not.toContain(token);
    expect(await client.ended((await client.ask(SHORT)).id)).toMatchObject({ state: 'done' });
    const refused = await service.app.inject({ method: 'POST', url: '/v1/restorations' });
    expect([refused.statusCode, refused.headers['www-authenticate']]).toEqual([401, 'Bearer']);
  });

  it('is no page of another site, by whatever name it calls this machine', async () => {
    await using opened = await open();
    const { client } = opened;
    const { port } = new URL(client.url);
    const status = (headers: Record<string, string>): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const asked = httpRequest({ port, path: '/v1/model', headers }, (response) => resolve(response.resume().statusCode));
        asked.on('error', reject).end();
      });
    expect(await status({ host: `localhost:${port}` })).toBe(200);
    expect(await status({ host: `localhost:${port}`, origin: `http://localhost:${port}` })).toBe(200);
    expect(await status({ host: `rebound.example:${port}` })).toBe(403);
    expect(await status({ host: `127.0.0.1.evil.example:${port}` })).toBe(403);
    for (const origin of ['http://evil.example', 'null', `http://localhost:1`])
      expect([origin, await status({ host: `localhost:${port}`, origin })]).toEqual([origin, 403]);
  });

  it('is told what may be asked, from the schemas that check it', async () => {
    await using opened = await open({ maxPixels: 1000, maxBytes: 2000 });
    const { client } = opened;
    const description = (await (await client.request('/openapi.json')).json()) as {
      paths: Record<
        string,
        Record<string, { requestBody?: { content: Record<string, { schema: { properties: object; required: string[] } }> } }>
      >;
    };
    expect(Object.keys(description.paths).sort()).toEqual([
      '/healthz',
      '/metrics',
      '/v1/degradations',
      '/v1/model',
      '/v1/noise',
      '/v1/restorations',
      '/v1/restorations/{id}',
      '/v1/restorations/{id}/events',
      '/v1/restorations/{id}/image',
    ]);
    const { schema } = description.paths['/v1/restorations']!.post!.requestBody!.content['multipart/form-data']!;
    expect(schema).toMatchObject({
      properties: {
        file: { format: 'binary' },
        steps: { type: 'integer', minimum: 1, maximum: 50 },
        result: { enum: ['decoded', 'proximal'] },
      },
      required: expect.arrayContaining(['file', 'task']),
    });
    const model = (await (await client.request('/v1/model')).json()) as { tasks: { example: string; file?: string }[] };
    expect(model).toMatchObject({ name: 'portraits', nativeSize: 128, steps: 8, limits: { pixels: 1000, bytes: 2000, seconds: 300 } });
    for (const { example } of model.tasks.filter(({ file }) => file === undefined)) await parseOperator(example);
    expect(Object.fromEntries(model.tasks.flatMap(({ example, file }) => (file ? [[example, file]] : [])))).toEqual({
      inpaint: 'mask',
      'deblur:kernel': 'kernel',
    });
  });

  it('can count what was done', async () => {
    await using opened = await open();
    const { client } = opened;
    await client.ended((await client.ask(SHORT)).id);
    await client.post(formOf({ task: 'nothing', sigma: '0.1' }));
    const metrics = await (await client.request('/metrics')).text();
    for (const line of [
      'latino_restorations_total{state="done"} 1',
      'latino_restoration_seconds_count 1',
      'latino_queue_waiting 0',
      'latino_http_requests_total{method="POST",route="/v1/restorations",status="400"} 1',
    ])
      expect(metrics).toContain(`${line}\n`);
    expect(metrics).toMatch(/^nodejs_eventloop_lag_p99_seconds \d/m);
    expect(metrics).toMatch(/^process_resident_memory_bytes \d/m);
  });
});
