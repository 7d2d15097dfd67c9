import { byId } from './by_id.js';
import { namedAfter } from './same_elsewhere.js';

/**
 * @typedef {import('./box.js').Box} Box
 * @typedef {import('./picture.js').Picture} Picture
 * @typedef {import('./run.js').Run} Run
 * @typedef {{ run: Run, measured: Picture, original?: Picture }} Subject what is compared
 */

/** The picture as it was given, with the hole that is drawn on it. @param {Picture} picture @param {Box | undefined} box */
export function showPicture({ file, url, width, height }, box) {
  byId('given').hidden = false;
  byId('compared').hidden = true;
  const shown = byId('shown');
  byId('table').hidden = !width;
  if (shown.getAttribute('src') !== url) Object.assign(shown, { src: url, alt: file.name });
  setSize(byId('given'), width, height);
  byId('hole').hidden = !box;
  if (box) byId('hole').show({ width, height }, box);
  byId('name').textContent = file.name;
  byId('facts').textContent = width ? `${width} × ${height}` : 'This browser cannot show it; the service may read it all the same.';
}

/** What there is of the pictures of a restoration. */
export class Comparison {
  /** The step that is looked at; the last, where none was chosen. @type {number | undefined} */
  #step;
  #against = 'measured';
  /** @type {Subject | undefined} */ #subject;

  constructor() {
    byId('strip').addEventListener('step', ({ detail }) => this.#look(this.#step === detail.step ? undefined : detail.step));
    byId('looking').addEventListener('change', ({ target }) => {
      if (target.name === 'enlarged') byId('compared').classList.toggle('pixels', target.value === 'pixels');
      else {
        this.#against = target.value;
        this.#showAll();
      }
    });
  }

  /** @param {Subject} subject @param {boolean} isGrey whether only the measurement's brightness counts */
  begin(subject, isGrey) {
    this.#subject = subject;
    this.#step = undefined;
    this.#against = 'measured';
    byId('looking').reset();
    byId('compared').className = isGrey ? 'frame grey' : 'frame';
    byId('against').hidden = !subject.original;
    byId('strip').clear(0);
  }

  /** The newest picture, where none of those before is looked at. */
  update() {
    const { run } = /** @type {Subject} */ (this.#subject);
    const strip = byId('strip');
    strip.classList.toggle('ended', run.hasEnded);
    if (strip.querySelectorAll('li').length !== run.steps) strip.clear(run.steps);
    for (const [step, image] of run.previews) if (!strip.has(step)) strip.show(step, image);
    if (this.#step === undefined) this.#look(undefined);
  }

  /** @param {number | undefined} step */
  #look(step) {
    this.#step = step;
    const pictured = this.#after();
    byId('strip').mark(pictured?.step);
    if (!pictured) return;
    if (byId('compared').hidden) this.#showAll();
    else byId('compared').changeAfter(pictured.source, pictured.name);
  }

  /** @returns {{ source: string, name: string, step?: number } | undefined} */
  #after() {
    const { run } = /** @type {Subject} */ (this.#subject);
    if (this.#step === undefined && run.url) return { source: run.url, name: 'restored' };
    const step = this.#step ?? Math.max(...run.previews.keys());
    const source = run.previews.get(step);
    return source === undefined ? undefined : { source, name: `step ${step}`, step };
  }

  #showAll() {
    const pictured = this.#after();
    const { run, measured, original } = /** @type {Subject} */ (this.#subject);
    if (!pictured) return;
    const before = this.#against === 'original' && original ? original : measured;
    const { width = measured.width, height = measured.height } = run.restoration ?? {};
    const compared = byId('compared');
    compared.classList.toggle('measured', before === measured);
    compared.show({
      name: measured.file.name,
      before: before.width ? before.url : undefined,
      after: pictured.source,
      width,
      height,
      beforeName: before === measured ? 'measured' : 'original',
      afterName: pictured.name,
    });
    setSize(compared, width, height);
    byId('given').hidden = true;
    byId('table').hidden = false;
    compared.hidden = false;
  }
}

/** How far a restoration is, and what came of it. @param {Run | undefined} run @param {Picture | undefined} measured */
export function showProgress(run, measured) {
  const isRunning = run !== undefined && !run.hasEnded;
  byId('progress').hidden = !isRunning;
  byId('strip').hidden = !run || run.steps === 0;
  byId('looking').hidden = !(run?.hasEnded && run.hasPicture);
  byId('status').textContent = run ? progressWords(run) : '';
  if (isRunning && run.steps > 0) Object.assign(byId('bar'), { max: run.steps, value: run.step });
  else byId('bar').removeAttribute('value');

  const warnings = run?.hasEnded ? (run.restoration?.warnings ?? []) : [];
  byId('warnings').hidden = warnings.length === 0;
  byId('warnings').replaceChildren(...warnings.map(({ message }) => Object.assign(document.createElement('li'), { textContent: message })));

  const download = byId('download');
  download.hidden = !run?.url;
  if (run?.url && measured) Object.assign(download, { href: run.url, download: namedAfter(measured.file.name, 'restored') });
}

/** @param {Run} run */
function progressWords({ phase, step, steps, restoration }) {
  const place = restoration?.position;
  switch (phase) {
    case 'sending':
      return 'Sending the picture…';
    case 'waiting':
      return place && place > 1 ? `Waiting its turn: ${place - 1} before it.` : 'Waiting its turn…';
    case 'running':
      return steps > 0 ? `Step ${step} of ${steps}` : 'Restoring…';
    case 'stopped':
      return step > 0 ? `Stopped after step ${step} of ${steps}.` : 'Stopped.';
    case 'failed':
      return 'Not restored.';
    case 'done':
      return `Restored: ${resultWords(restoration)}.`;
  }
}

/** @param {any} restoration one that is done */
const resultWords = ({ width, height, steps, sigma, seed, seconds }) =>
  [
    `${width} × ${height}`,
    `${steps} ${steps === 1 ? 'step' : 'steps'}`,
    sigma === undefined ? '' : `noise ${Number(sigma.toPrecision(2))}`,
    `seed ${seed}`,
    seconds === undefined ? '' : `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`,
  ]
    .filter(Boolean)
    .join(', ');

/** @param {HTMLElement} frame @param {number} [width] @param {number} [height] */
function setSize(frame, width = 4, height = 3) {
  frame.style.setProperty('--width', String(width));
  frame.style.setProperty('--height', String(height));
}
