/**
 * @typedef {{ sigma: number, certain: boolean, doubt?: string }} Found
 * @typedef {{ input: HTMLInputElement, label: HTMLElement, note: HTMLElement, again: HTMLButtonElement }} Elements
 */

/** What is added to a good picture, unless told. */
const ADDED = '0.02';
/** Grey levels of a picture with 8 bits, which is how most people know them. */
const LEVELS = 255;

/** The field of the noise level: found in a damaged picture and said to be sure or not, added to a good one; whoever knows better may change it. */
export class NoiseLevel {
  #elements;
  #isAdded = false;
  #added = ADDED;
  #isOwn = false;
  /** @type {Found | undefined} */ #found;
  /** @type {AbortController | undefined} */ #seeking;

  /** @param {Elements} elements @param {() => void} changed called when the person has changed it */
  constructor(elements, changed) {
    this.#elements = elements;
    elements.input.addEventListener('input', () => {
      if (this.#isAdded) this.#added = elements.input.value;
      else {
        this.#isOwn = elements.input.value !== '';
        this.#say();
      }
      changed();
    });
    elements.again.addEventListener('click', () => {
      this.#isOwn = false;
      this.#say();
      elements.input.focus();
      changed();
    });
  }

  /** What to send: a number where the person gave one; otherwise the service finds it. @returns {number | 'auto'} */
  get sigma() {
    if (this.#isAdded) return Number(this.#added);
    return this.#isOwn ? Number(this.#elements.input.value) : 'auto';
  }

  /** @param {boolean} isAdded whether it is for a good picture */
  use(isAdded) {
    this.#isAdded = isAdded;
    this.#isOwn = false;
    this.#elements.label.textContent = isAdded ? 'Noise to add' : 'Noise';
    if (isAdded) this.#elements.input.value = this.#added;
    this.#say();
  }

  /** Of another picture, nothing is known. */
  reset() {
    this.#isOwn = false;
    this.#found = undefined;
    this.#say();
  }

  /**
   * Finds it, after a while, where more may be about to change. What was asked before is left.
   *
   * @param {((signal: AbortSignal) => Promise<Found>) | undefined | false} ask nothing where there is nothing to find
   * @param {number} [waitMs]
   */
  async seek(ask, waitMs = 0) {
    this.#seeking?.abort();
    this.#seeking = new AbortController();
    const { signal } = this.#seeking;
    if (!ask) return;
    if (!this.#isOwn) this.#elements.note.textContent = 'Looking for it…';
    try {
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      if (!signal.aborted) this.#find(await ask(signal));
    } catch (error) {
      if (signal.aborted) return;
      this.#find(undefined);
      throw error;
    }
  }

  /** @param {Found | undefined} found nothing where it could not be found */
  #find(found) {
    this.#found = found;
    this.#say();
  }

  #say() {
    const { input, note, again } = this.#elements;
    const found = this.#found;
    if (!this.#isAdded && !this.#isOwn) input.value = found ? String(Number(found.sigma.toPrecision(2))) : '';
    again.hidden = this.#isAdded || !this.#isOwn || !found;
    note.classList.toggle('warned', !this.#isAdded && !this.#isOwn && found?.certain === false);
    note.textContent = this.#words();
  }

  #words() {
    const found = this.#found;
    if (this.#isAdded) return 'A standard deviation on a scale from 0 to 1.';
    if (this.#isOwn) return 'As you say.';
    if (!found) return 'Found in the picture before it is restored.';
    const levels = `about ${Number((found.sigma * LEVELS).toPrecision(2))} of ${LEVELS} levels`;
    if (found.certain) return `Found in the picture: ${levels}.`;
    return `A guess, ${levels}: ${found.doubt ?? 'little in the picture shows it'}. Change it if you know better.`;
  }
}
