import { LatinoError } from '../errors.js';
import { packageVersion } from '../package_version.js';
import { type RetryOptions, Transient, withRetries } from './retries.js';

/** Milliseconds without a byte after which a connection counts as broken. */
const SILENCE = 60_000;
const API_TRIES = 4;

export interface HubOptions {
  readonly url: string;
  readonly token?: string;
  readonly signal?: AbortSignal;
}

/** A file's bytes as they arrive. */
export interface Download {
  /** Where they begin; 0 where the server does not give parts. */
  readonly from: number;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** Requests about one model to Hugging Face's hub, or to what HF_ENDPOINT names: with the user's token, failures in sentences. */
export class Hub {
  constructor(
    private readonly model: string,
    private readonly options: HubOptions,
  ) {}

  get url(): string {
    return this.options.url;
  }

  /** For what is asked of the API: the whole answer, tried again where the network or the server fails for a moment. */
  readonly fetch: typeof fetch = (input, init) =>
    withRetries(async () => {
      const response = await this.request(String(input), init?.headers);
      const body = await this.received(() => response.arrayBuffer());
      return new Response(body, { status: response.status, headers: response.headers });
    }, this.retries(API_TRIES));

  retries(tries: number): RetryOptions {
    return { tries, signal: this.options.signal };
  }

  /**
   * A file from the byte `from` on.
   *
   * @throws Transient where the connection fails; LatinoError as `request` does
   */
  async download(path: string, commit: string, from: number): Promise<Download> {
    const url = `${this.url}/${this.model}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`;
    const silence = new AbortController();
    const timer = setTimeout(() => silence.abort(), SILENCE).unref();
    try {
      // Compressed on the way, bytes could not be counted.
      const headers = { 'accept-encoding': 'identity', ...(from > 0 && { range: `bytes=${from}-` }) };
      const response = await this.request(url, headers, silence.signal);
      const start = response.status === 206 ? Number(/^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1] ?? -1) : 0;
      return { from: start, chunks: this.chunks(response, timer) };
    } catch (error) {
      clearTimeout(timer);
      throw error;
    }
  }

  private async *chunks({ body }: Response, timer: NodeJS.Timeout): AsyncGenerator<Uint8Array> {
    const reader = body!.getReader();
    try {
      for (;;) {
        const { done, value } = await this.received(() => reader.read());
        if (done) return;
        timer.refresh();
        yield value;
      }
    } finally {
      clearTimeout(timer);
      await reader.cancel().catch(() => undefined);
    }
  }

  /** @throws Transient, or LatinoError ERR_LATINO_MODEL or ERR_LATINO_DOWNLOAD that says what the hub has refused */
  private async request(url: string, headers?: RequestInit['headers'], silence = AbortSignal.timeout(SILENCE)): Promise<Response> {
    const { signal, token } = this.options;
    const sent = new Headers(headers);
    sent.set('user-agent', `latino-native/${packageVersion}`);
    // Where the hub sends us to another host, fetch leaves the token out.
    if (token !== undefined && new URL(url).origin === new URL(this.url).origin) sent.set('authorization', `Bearer ${token}`);
    const response = await this.received(() =>
      fetch(url, { headers: sent, signal: AbortSignal.any([silence, ...(signal ? [signal] : [])]) }),
    );
    if (response.ok) return response;
    const text = await this.received(() => response.text());
    throw this.refusal(response, text);
  }

  private async received<T>(receive: () => Promise<T>): Promise<T> {
    try {
      return await receive();
    } catch (cause) {
      this.options.signal?.throwIfAborted();
      const { code, message } = ((cause as Error).cause ?? cause) as NodeJS.ErrnoException;
      throw new Transient(`Expected an answer from ${this.url} but the connection failed (${code ?? message})`, undefined, { cause });
    }
  }

  private refusal({ status, headers }: Response, text: string): Error {
    if (status === 408 || status === 429 || status >= 500) {
      const seconds = Number(headers.get('retry-after') ?? Number.NaN);
      return new Transient(`Expected ${this.url} to answer but it is busy (status ${status})`, seconds >= 0 ? 1000 * seconds : undefined);
    }
    const { model, url } = this;
    const code = headers.get('x-error-code') ?? '';
    const isLocked = status === 401 || status === 403;
    if (isLocked && (code === 'GatedRepo' || /gated|restricted/i.test(text))) {
      const how = this.options.token
        ? `accept its licence at ${url}/${model} with the account of HF_TOKEN, and see that the token may read gated models`
        : `accept its licence at ${url}/${model}, then set HF_TOKEN to a token of that account (${url}/settings/tokens)`;
      return new LatinoError('ERR_LATINO_MODEL', `Expected access to ${model} but it is gated (status ${status}): ${how}`);
    }
    // The hub answers 401 for what may be private, so that nobody learns whether it is there.
    if (code === 'RepoNotFound' || (status === 401 && !code)) {
      const how = this.options.token ? 'see that HF_TOKEN may read it' : 'set HF_TOKEN if it is private';
      return new LatinoError('ERR_LATINO_MODEL', `Expected a model ${model} at ${url} but there is none (status ${status}); ${how}`);
    }
    const what = { RevisionNotFound: 'that revision', EntryNotFound: 'that file' }[code] ?? 'it';
    if (status === 404) return new LatinoError('ERR_LATINO_MODEL', `Expected ${what} of ${model} at ${url} but there is none (status 404)`);
    return new LatinoError('ERR_LATINO_DOWNLOAD', `Expected ${url} to give ${model} but it answered with status ${status}`);
  }
}
