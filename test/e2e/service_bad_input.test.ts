import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Latino } from '../../src/index.js';
import { createService, type Service } from '../../src/service/index.js';
import { hugePng } from '../support/portraits_folder.js';
import { Client, formOf, SHORT, sample, TemporaryFiles } from '../support/service.js';

const MAX_BYTES = 100_000;

let latino: Latino;
let temporary: TemporaryFiles;
let service: Service;
let client: Client;
const faults: unknown[] = [];
beforeAll(async () => {
  temporary = new TemporaryFiles();
  latino = await Latino.load({ model: 'portraits' });
  service = await createService(latino, { maxBytes: MAX_BYTES, maxPixels: 512 * 512, onFault: (fault) => faults.push(fault) });
  client = new Client(await service.app.listen({ host: '127.0.0.1', port: 0 }));
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await latino.dispose();
  temporary[Symbol.dispose]();
});

const text = (content: string): Uint8Array => Buffer.from(content);
const svg = text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="/etc/passwd"/></svg>');
const filled = (format: 'gif' | 'png' | 'avif' | 'webp' | 'tiff' | 'jpeg', side = 16): Promise<Buffer> =>
  sharp({ create: { width: side, height: side, channels: 3, background: 'red' } })
    .toFormat(format)
    .toBuffer();

type Files = Readonly<Record<string, Uint8Array>>;
const black = (side: number): Promise<Buffer> =>
  sharp({ create: { width: side, height: side, channels: 3, background: 'black' } })
    .png()
    .toBuffer();
const [blackPng, largePng] = await Promise.all([black(16), black(256)]);

describe('a form', () => {
  const cases: [what: string, fields: Record<string, string>, files: Files | undefined, status: number, code: string, says: RegExp][] = [
    ['without a task', { sigma: '0.1' }, undefined, 400, 'ARGUMENT', /a task such as sr:4/],
    ['with an unknown task', { ...SHORT, task: 'deblurr' }, undefined, 400, 'OPERATOR', /Expected an operator/],
    ['with a task that takes long to guess', { ...SHORT, task: ':'.repeat(8000) }, undefined, 400, 'ARGUMENT', /at most 200 characters/],
    ['with a text for sigma', { ...SHORT, sigma: 'much' }, undefined, 400, 'ARGUMENT', /sigma but received 'much'/],
    ['with too large a sigma', { ...SHORT, sigma: '2' }, undefined, 400, 'ARGUMENT', /sigma but received 2/],
    ['with infinite steps', { ...SHORT, steps: '1e999' }, undefined, 400, 'ARGUMENT', /steps but received Infinity/],
    ['with half a step', { ...SHORT, steps: '1.5' }, undefined, 400, 'ARGUMENT', /an integer from 1 to 50 for steps/],
    ['with a word for a flag', { ...SHORT, calibrate: 'yes' }, undefined, 400, 'ARGUMENT', /true or false for calibrate/],
    ['with a slip of the finger', { ...SHORT, promt: 'a man' }, undefined, 400, 'ARGUMENT', /promt: did you mean prompt/],
    ['with a prompt that is a book', { ...SHORT, prompt: 'a'.repeat(3000) }, undefined, 400, 'ARGUMENT', /at most 2000 characters/],
    ['with a field of many bytes', { ...SHORT, prompt: 'a'.repeat(9000) }, undefined, 413, 'TOO_LARGE', /prompt of at most 8192 bytes/],
    ['with a name of the language', { ...SHORT, constructor: '1' }, undefined, 400, 'REQUEST', /not allowed/],
    ['without a picture', SHORT, {}, 400, 'REQUEST', /the file named file but received none/],
    ['with an empty picture', SHORT, { file: text('') }, 400, 'REQUEST', /received none/],
    ['with another file', SHORT, { file: sample, other: sample }, 400, 'REQUEST', /received other/],
    ['with a mask that nothing asks for', SHORT, { file: sample, mask: sample }, 400, 'REQUEST', /the task inpaint/],
    ['without the mask', { ...SHORT, task: 'inpaint' }, undefined, 400, 'REQUEST', /file named mask/],
    ['with a kernel that nothing asks for', SHORT, { file: sample, kernel: sample }, 400, 'REQUEST', /the task deblur:kernel/],
    ['with a mask for a kernel', { ...SHORT, task: 'deblur:kernel' }, { file: sample, mask: sample }, 400, 'REQUEST', /the task inpaint/],
    ['without the kernel', { ...SHORT, task: 'deblur:kernel,boundary=zero' }, undefined, 400, 'REQUEST', /file named kernel/],
    ['with a black kernel', { ...SHORT, task: 'deblur:kernel' }, { file: sample, kernel: blackPng }, 400, 'OPERATOR', /not black/],
    [
      'with an option that kernels do not have',
      { ...SHORT, task: 'deblur:kernel,width=3' },
      { file: sample, kernel: sample },
      400,
      'REQUEST',
      /names no file/,
    ],
    [
      'with a kernel as large as a picture',
      { ...SHORT, task: 'deblur:kernel' },
      { file: sample, kernel: largePng },
      413,
      'TOO_LARGE',
      /a kernel of at most 255 × 255 pixels but received 256 × 256/,
    ],
    ['with words for a picture', SHORT, { file: text('a man') }, 415, 'FORMAT', /png, jpeg, webp, tiff or avif/],
    ['with a drawing', SHORT, { file: svg }, 415, 'FORMAT', /another kind/],
    ['with a drawing for a mask', { ...SHORT, task: 'inpaint' }, { file: sample, mask: svg }, 415, 'FORMAT', /another kind/],
    ['with the beginning of a picture', SHORT, { file: sample.subarray(0, 20) }, 422, 'PICTURE', /header/],
    ['with more pixels than memory', SHORT, { file: hugePng() }, 413, 'TOO_LARGE', /262144 pixels but received 60000 × 60000/],
    ['that asks for too many pixels', { ...SHORT, task: 'sr:8' }, undefined, 413, 'TOO_LARGE', /restored picture of .* 1024 × 1024/],
    ['with too many bytes', SHORT, { file: Buffer.alloc(MAX_BYTES + 1, sample) }, 413, 'TOO_LARGE', /a file of at most 100000 bytes/],
    ['with very many bytes', SHORT, { file: Buffer.alloc(20 * MAX_BYTES) }, 413, 'TOO_LARGE', /at most 100000 bytes/],
    ['with a box outside', { ...SHORT, task: 'inpaint:box:0:0:9:900' }, undefined, 400, 'SHAPE', /a box inside/],
    [
      'with a blur as wide as a house',
      { ...SHORT, task: 'deblur:gaussian:1000' },
      undefined,
      413,
      'TOO_LARGE',
      /sigma of the blur of at most 50/,
    ],
  ];

  it.each(cases)('%s is refused in one sentence', async (_what, fields, files, status, code, says) => {
    const refusal = await client.refusal(formOf(fields, files));
    expect(refusal).toEqual({ status, code: `ERR_LATINO_${code}`, message: expect.stringMatching(says) });
    expect(temporary.files).toEqual([]);
  });

  it('that says the same twice is refused', async () => {
    const twice = formOf(SHORT);
    twice.append('task', 'denoise');
    expect(await client.refusal(twice)).toMatchObject({ status: 400, message: 'Expected task once but received it twice' });
    const pictures = formOf(SHORT);
    pictures.append('file', new Blob([sample]), 'again.png');
    expect((await client.refusal(pictures)).status).toBeGreaterThanOrEqual(400);
    expect(temporary.files).toEqual([]);
  });

  it('with too many fields is refused', async () => {
    const many = formOf(Object.fromEntries(Array.from({ length: 100 }, (_, k) => [`field${k}`, 'x'])));
    expect(await client.refusal(many)).toMatchObject({ status: 413 });
  });

  it('is none where it is JSON, or nothing', async () => {
    const post = async (init: RequestInit): Promise<number> =>
      (await client.request('/v1/restorations', { method: 'POST', ...init })).status;
    expect(await post({ body: '{}', headers: { 'content-type': 'application/json' } })).toBe(415);
    expect(await post({ body: 'task=denoise', headers: { 'content-type': 'application/x-www-form-urlencoded' } })).toBe(415);
    expect(await post({})).toBe(415);
    expect(await post({ body: 'x', headers: { 'content-type': 'multipart/form-data' } })).toBe(400);
  });
});

describe('a picture', () => {
  it.each(['png', 'jpeg', 'webp', 'tiff', 'avif'] as const)('may be %s', async (format) => {
    const { id } = await client.ask(SHORT, { file: await filled(format) });
    expect(await client.ended(id)).toMatchObject({ state: 'done', width: 16, height: 16 });
  });

  it('may not be one of a film', async () => {
    expect(await client.refusal(formOf(SHORT, { file: await filled('gif') }))).toMatchObject({ status: 415 });
  });

  it('that is broken behind its header fails', async () => {
    const photo = await filled('jpeg', 256);
    const { id } = await client.ask(SHORT, { file: sample.subarray(0, sample.length / 2) });
    expect(await client.ended(id)).toMatchObject({ state: 'failed', error: { code: 'ERR_LATINO_IMAGE' } });
    expect((await client.request(`/v1/restorations/${id}/image`)).status).toBe(409);
    expect(await client.refusal(formOf(SHORT, { file: photo.subarray(0, 30) }))).toMatchObject({ status: 422 });
    const { code, status } = await client.refusal(
      formOf({ task: 'denoise', sigma: '0.1' }, { file: sample.subarray(0, sample.length / 2) }),
      '/v1/degradations',
    );
    expect({ code, status }).toEqual({ code: 'ERR_LATINO_IMAGE', status: 422 });
  });
});

describe('files of the machine', () => {
  const outside = mkdtempSync(join(tmpdir(), 'latino-outside-'));
  const picture = join(outside, 'picture.png');
  beforeAll(() => writeFileSync(picture, sample));
  afterAll(() => rmSync(outside, { recursive: true }));

  it('are named in vain', async () => {
    for (const path of ['/v1/restorations', '/v1/degradations']) {
      for (const task of [
        `inpaint:${picture}`,
        `INPAINT:${picture}`,
        `deblur:kernel:${picture}`,
        `deblur:kernel:${picture},boundary=reflect`,
      ]) {
        const refusal = await client.refusal(formOf({ task, sigma: '0.1' }), path);
        expect(refusal).toMatchObject({ status: 400, code: 'ERR_LATINO_REQUEST', message: expect.stringContaining('names no file') });
        expect(await client.refusal(formOf({ task, sigma: '0.1' }, { file: sample, mask: sample }), path)).toMatchObject({ status: 400 });
        expect(await client.refusal(formOf({ task, sigma: '0.1' }, { file: sample, kernel: blackPng }), path)).toMatchObject({
          status: 400,
        });
      }
    }
  });

  it('are reached by no path', async () => {
    const inject = async (url: string): Promise<number> => (await service.app.inject({ url })).statusCode;
    for (const url of [
      `/assets/..${picture}`,
      '/assets/../../../package.json',
      '/assets/%2e%2e/%2e%2e/%2e%2e/package.json',
      '/assets/..%2f..%2f..%2fpackage.json',
      '/assets/..\\..\\package.json',
      `/assets/%00${picture}`,
      '/v1/restorations/..%2f..%2fpackage.json/image',
      `/v1/restorations/${encodeURIComponent(picture)}/image`,
      `//${picture}`,
    ])
      expect([url, [400, 403, 404].includes(await inject(url))]).toEqual([url, true]);
  });
});

it('none of it was a fault of the service', () => expect(faults).toEqual([]));
