/** @typedef {import('./client.js').Client} Client @typedef {import('./client.js').Restoration} Restoration */

/** A restoration from the moment that it is asked for until it is forgotten (`change`, whenever there is more to show). */
export class Run extends EventTarget {
  /** @type {'sending' | Restoration['state']} */ phase = 'sending';
  step = 0;
  steps = 0;
  /** @type {Map<number, string>} the picture after each step */ previews = new Map();
  /** @type {Restoration | undefined} as the service last told of it */ restoration;
  /** Of the result. */
  url = '';
  /** @type {Error | undefined} */ error;

  #client;
  #wasStopped = false;
  #isForgotten = false;

  /** @param {Client} client */
  constructor(client) {
    super();
    this.#client = client;
  }

  get hasEnded() {
    return this.phase === 'done' || this.phase === 'failed' || this.phase === 'stopped';
  }

  /** Whether there is anything to look at yet. */
  get hasPicture() {
    return this.previews.size > 0 || this.url !== '';
  }

  /** @param {File} file @param {Record<string, unknown>} fields */
  async start(file, fields) {
    try {
      this.restoration = await this.#client.begin(file, fields);
      if (this.#wasStopped) return await this.forget();
      for await (const told of this.#client.events(this.restoration)) {
        if (this.#wasStopped) continue; // to the end of what the service says
        if (told.kind === 'state') await this.#become(told.state);
        else this.#advance(told);
        this.#changed();
      }
    } catch (error) {
      if (!this.#wasStopped) this.#fail(/** @type {Error} */ (error));
    }
  }

  async stop() {
    if (this.hasEnded) return;
    this.#wasStopped = true;
    this.phase = 'stopped';
    this.#changed();
    await this.forget();
  }

  /** Has the service forget it; what the page has of it stays. */
  async forget() {
    if (!this.restoration || this.#isForgotten) return;
    this.#isForgotten = true;
    await this.#client.forget(this.restoration);
  }

  /** Stopped, forgotten, and nothing left to look at. */
  async drop() {
    await this.stop();
    await this.forget();
    if (this.url) URL.revokeObjectURL(this.url);
  }

  /** @param {Restoration} restoration */
  async #become(restoration) {
    this.restoration = restoration;
    this.step = restoration.step;
    this.steps = restoration.steps;
    if (restoration.state === 'failed') return this.#fail(new Error(restoration.error?.message));
    if (restoration.state === 'done') this.url = URL.createObjectURL(await this.#client.image(restoration));
    this.phase = restoration.state;
  }

  /** @param {{ kind: string, step: number, steps?: number, image?: string }} told */
  #advance({ step, steps, image }) {
    // A picture may come when the steps are already further.
    if (image !== undefined) return void this.previews.set(step, image);
    this.phase = 'running';
    this.step = step;
    if (steps !== undefined) this.steps = steps;
  }

  /** @param {Error} error */
  #fail(error) {
    this.error = error;
    this.phase = 'failed';
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}
