import { eventsOf } from './event_stream.js';

/**
 * @typedef {{
 *   name: string, nativeSize: number, prompt: string, steps: number, version: string,
 *   tasks: readonly import('./tasks.js').Task[], limits: { pixels: number, bytes: number },
 * }} Model
 * @typedef {{ task: string, mask?: File, kernel?: File }} Damage
 * @typedef {{ code: string, message: string }} Sentence
 * @typedef {{
 *   id: string, state: 'waiting' | 'running' | 'done' | 'failed' | 'stopped', position?: number, sigma?: number, seed: number, step: number,
 *   steps: number, width?: number, height?: number, seconds?: number, warnings: readonly Sentence[], error?: Sentence,
 *   links: { self: string, events: string, image: string },
 * }} Restoration as the service tells of it
 * @typedef {{ kind: 'state', state: Restoration } | { kind: 'step', step: number, steps: number } | { kind: 'preview', step: number, image: string }} Told
 */

const TOKEN = 'latino-native token';
const RECONNECTIONS = 5;
const RECONNECT_AFTER_MS = 1000;

/** What the service refused, in its own sentence. */
export class ServiceError extends Error {
  /** @param {Sentence} sentence @param {number} status */
  constructor({ code, message }, status) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** The service that the page came from. */
export class Client {
  /** Until the tab is closed. */
  #token = sessionStorage.getItem(TOKEN);
  #askForToken;
  /** @type {Promise<void> | undefined} one question, however many requests were refused */
  #asked;

  /** @param {(wasRefused: boolean) => Promise<string>} askForToken */
  constructor(askForToken) {
    this.#askForToken = askForToken;
  }

  /** @returns {Promise<Model>} */
  async model() {
    return (await this.#send('v1/model')).json();
  }

  /** @param {File} file @param {Damage} damage @param {AbortSignal} signal @returns {Promise<import('./noise_level.js').Found>} */
  async noise(file, damage, signal) {
    return (await this.#send('v1/noise', { method: 'POST', body: form({ ...damage }, file), signal })).json();
  }

  /** @param {File} file @param {Damage & { sigma: number, seed: number }} fields */
  async degrade(file, fields) {
    return (await this.#send('v1/degradations', { method: 'POST', body: form(fields, file) })).blob();
  }

  /** @param {File} file @param {Record<string, unknown>} fields those that are undefined are left out @returns {Promise<Restoration>} */
  async begin(file, fields) {
    return (await this.#send('v1/restorations', { method: 'POST', body: form({ ...fields, previews: true }, file) })).json();
  }

  /**
   * What happens to a restoration until it has ended. Where the connection breaks it is taken up again: its state comes first.
   *
   * @param {Restoration} restoration @returns {AsyncGenerator<Told, void, undefined>}
   */
  async *events({ links }) {
    let isOver = false;
    for (let broken = 0; broken <= RECONNECTIONS; broken++) {
      if (broken > 0) await new Promise((resolve) => setTimeout(resolve, RECONNECT_AFTER_MS));
      try {
        const { body } = await this.#send(links.events, { headers: { accept: 'text/event-stream' } });
        for await (const { event, data } of eventsOf(/** @type {ReadableStream<Uint8Array>} */ (body))) {
          broken = 0;
          const told = JSON.parse(data);
          if (event === 'step' || event === 'preview') yield { kind: event, ...told };
          if (event !== 'state') continue;
          yield { kind: 'state', state: told };
          isOver = hasEnded(told);
        }
        if (isOver) return;
      } catch (error) {
        if (error instanceof ServiceError) throw error;
      }
    }
    throw new Error('The connection to the service broke, and it does not answer any more.');
  }

  /** @param {Restoration} restoration one that is done */
  async image({ links }) {
    return (await this.#send(links.image)).blob();
  }

  /** Stops it, where it has not ended, and has the service forget its files. @param {Restoration} restoration */
  async forget({ links }) {
    // The page may be about to go: the request is to outlive it. That it is forgotten already is as well.
    await this.#send(links.self, { method: 'DELETE', keepalive: true }).catch(() => undefined);
  }

  /** @param {string} path @param {RequestInit} [request] @returns {Promise<Response>} */
  async #send(path, request = {}) {
    const headers = new Headers(request.headers);
    if (this.#token) headers.set('authorization', `Bearer ${this.#token}`);
    const response = await fetch(relative(path), { ...request, headers }).catch((cause) => {
      if (request.signal?.aborted) throw cause;
      throw new TypeError('The service does not answer. Is it still running?', { cause });
    });
    if (response.ok) return response;
    const error = await errorOf(response);
    if (response.status !== 401 || request.keepalive) throw error;
    this.#asked ??= this.#askForToken(this.#token !== null).then((token) => {
      this.#token = token;
      this.#asked = undefined;
      sessionStorage.setItem(TOKEN, token);
    });
    await this.#asked;
    return this.#send(path, request);
  }
}

/** @param {Restoration} restoration */
export const hasEnded = ({ state }) => state === 'done' || state === 'failed' || state === 'stopped';

/** The service may lie below a path of another: its links are from its own root. @param {string} path */
const relative = (path) => new URL(path.replace(/^\//, ''), document.baseURI);

/** The picture last, so that the service knows what it is for when it comes. @param {Record<string, unknown>} fields @param {File} picture */
function form(fields, picture) {
  const body = new FormData();
  for (const [name, value] of Object.entries({ ...fields, file: picture })) {
    if (value instanceof File) body.append(name, value, value.name);
    else if (value !== undefined && value !== '') body.append(name, String(value));
  }
  return body;
}

/** @param {Response} response */
async function errorOf(response) {
  const body = await response.json().catch(() => undefined);
  const sentence = body?.error ?? { code: '', message: `The service answers ${response.status} ${response.statusText}`.trim() };
  return new ServiceError(sentence, response.status);
}
