import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StateAnswer } from '../../src/service/answers.js';
import { portraits } from './cli.js';

export const sample = readFileSync(join(portraits, 'samples/03.png'));

/** So much that it runs until it is stopped, on any machine. */
export const LONG = { task: 'sr:2', sigma: '0.1', calibrate: 'true', steps: '50' };
/** As little as there is. */
export const SHORT = { task: 'denoise', sigma: '0.1', steps: '1' };

/** A form with the sample as its picture, unless there is another or none. */
export function formOf(fields: Readonly<Record<string, string>>, files: Readonly<Record<string, Uint8Array>> = { file: sample }): FormData {
  const form = new FormData();
  for (const [name, bytes] of Object.entries(files)) form.append(name, new Blob([bytes]), `${name}.png`);
  for (const [name, text] of Object.entries(fields)) form.append(name, text);
  return form;
}

interface Event {
  readonly event: string;
  readonly data: StateAnswer & { readonly image?: string };
}

/** Whoever asks a service. */
export class Client {
  constructor(
    readonly url: string,
    private readonly token?: string,
  ) {}

  request(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.token !== undefined) headers.set('authorization', `Bearer ${this.token}`);
    return fetch(`${this.url}${path}`, { ...init, headers });
  }

  post(form: FormData, path = '/v1/restorations'): Promise<Response> {
    return this.request(path, { method: 'POST', body: form });
  }

  /** Asks for a restoration that is taken. */
  async ask(fields: Readonly<Record<string, string>>, files?: Readonly<Record<string, Uint8Array>>): Promise<StateAnswer> {
    const response = await this.post(formOf(fields, files));
    const body = (await response.json()) as StateAnswer;
    if (response.status !== 202) throw new Error(`${response.status}: ${JSON.stringify(body)}`);
    return body;
  }

  async *events(id: string): AsyncGenerator<Event> {
    const response = await this.request(`/v1/restorations/${id}/events`);
    let text = '';
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(text.slice(0, end)) ?? [];
        text = text.slice(end + 2);
        if (event) yield { event, data: JSON.parse(data!) as Event['data'] };
      }
    }
  }

  /** The first state of which this is true. */
  async until(id: string, isIt: (state: StateAnswer) => boolean): Promise<StateAnswer> {
    for await (const { event, data } of this.events(id)) if (event === 'state' && isIt(data)) return data;
    throw new Error('The restoration has ended in another state');
  }

  ended = (id: string): Promise<StateAnswer> => this.until(id, ({ state }) => !['waiting', 'running'].includes(state));
  running = (id: string): Promise<StateAnswer> => this.until(id, ({ state }) => state === 'running');

  async image(id: string): Promise<Buffer> {
    return Buffer.from(await (await this.request(`/v1/restorations/${id}/image`)).arrayBuffer());
  }

  async refusal(form: FormData, path?: string): Promise<{ readonly status: number; readonly code: string; readonly message: string }> {
    const response = await this.post(form, path);
    const { error } = (await response.json()) as { readonly error: { readonly code: string; readonly message: string } };
    return { status: response.status, ...error };
  }
}

/** A folder for temporary files, which services of this process and of those that it starts use from then on. */
export class TemporaryFiles implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'latino-scratch-'));
  private readonly before = process.env.TMPDIR;

  constructor() {
    process.env.TMPDIR = this.path;
  }

  /** Names of all files, of services and of others. */
  get files(): string[] {
    return readdirSync(this.path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => name);
  }

  get folders(): string[] {
    return readdirSync(this.path);
  }

  [Symbol.dispose](): void {
    if (this.before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = this.before;
    rmSync(this.path, { recursive: true, force: true });
  }
}
