import '../shared/before_after.js';
import './copy_code.js';
import './hole_box.js';
import './picture_drop.js';
import './step_strip.js';
import './task_form.js';
import { byId } from './by_id.js';
import { Client } from './client.js';
import { enterHole, HOLE, holeIn, placeHole } from './hole.js';
import { NoiseLevel } from './noise_level.js';
import { closePicture, openPicture, trialCopy } from './picture.js';
import { Run } from './run.js';
import { commandLine, libraryCode, namedAfter } from './same_elsewhere.js';
import { samplesFor } from './samples.js';
import { Comparison, showPicture, showProgress } from './stage.js';
import { spelling } from './tasks.js';
import { askForToken } from './token.js';

/**
 * @typedef {import('./picture.js').Picture} Picture
 * @typedef {import('./same_elsewhere.js').Damage} Damage
 */

/** A good picture is tried at a size that takes seconds. */
const TRIAL_SIDE = 512;
/** A slider that is dragged asks the service once. */
const SEEK_AFTER_MS = 400;
const DAMAGE_SEED = 0;

const form = byId('task');
const client = new Client(askForToken);
const comparison = new Comparison();
const noise = new NoiseLevel(
  { input: byId('noise'), label: byId('noise-label'), note: byId('noise-note'), again: byId('find-noise') },
  () => showTexts(),
);

/** @type {import('./client.js').Model | undefined} */ let model;
/** What the page has. */
const view = {
  /** The picture as it came. @type {Picture | undefined} */ given: undefined,
  /** What is seen and restored, or damaged first. @type {Picture | undefined} */ picture: undefined,
  /** The good picture that it was made from. @type {Picture | undefined} */ original: undefined,
  /** How it was made, where anyone with the given file can do the same. @type {Damage | undefined} */ damage: undefined,
  /** @type {Run | undefined} */ run: undefined,
};
/** Counts what was asked for, so that an answer that comes late is left alone. */
let turn = 0;

const mode = () => byId('panel').elements.mode;
const isGood = () => mode().value === 'good';
/** What damaged the picture, or is to. @returns {import('./client.js').Damage} */
const damageFields = () => ({
  task: spelling(form.task, form.values),
  ...(form.task.file && { [form.task.file]: form.file }),
});
/** Of the file that the task needs, elsewhere. */
const filePath = () => form.task.file && (form.file?.name ?? `${form.task.file}.png`);
const taskElsewhere = () => spelling(form.task, form.values, filePath());
const number = (id) => (byId(id).value === '' ? undefined : Number(byId(id).value));
const solverSettings = () => ({
  prompt: byId('prompt').value.trim(),
  steps: number('steps'),
  seed: number('seed'),
  result: byId('result').value,
  calibrate: byId('calibrate').checked || undefined,
});

/** @param {File} file @param {boolean} isGoodOne */
async function take(file, isGoodOne) {
  const most = model?.limits.bytes ?? Number.POSITIVE_INFINITY;
  if (file.size > most) throw new Error(`Expected a file of at most ${mebibytes(most)} but received ${mebibytes(file.size)}`);
  const mine = ++turn;
  const given = await openPicture(file);
  if (mine !== turn) return closePicture(given);
  if (view.given) closePicture(view.given);
  view.given = given;
  if (isGoodOne) mode().value = 'good';
  await stage();
}

/** Puts the given picture on the stage, or of a good one, a copy that can be tried. */
async function stage() {
  const mine = ++turn;
  const { given } = view;
  noise.use(isGood());
  if (!given) return show();
  const file = isGood() ? await trialCopy(given, { longest: TRIAL_SIDE, multiple: 1 }) : given.file;
  place(file === given.file ? given : await openPicture(file), mine);
}

/** @param {Picture} picture @param {number} mine @param {{ original: Picture, damage: Damage | undefined }} [made] */
function place(picture, mine, made) {
  if (mine !== turn) return closePicture(picture);
  dropRun();
  for (const old of [view.picture, view.original]) if (old && old !== view.given && old !== made?.original) closePicture(old);
  Object.assign(view, { picture, original: made?.original, damage: made?.damage });
  placeHole(form, picture, made !== undefined);
  showError();
  noise.reset();
  show();
  void shown(seekNoise)();
}

async function damage() {
  const mine = ++turn;
  const good = /** @type {Picture} */ (view.picture);
  const multiple = Number.parseInt(form.values.factor ?? '1', 10) || 1;
  const file = await trialCopy(good, { longest: TRIAL_SIDE, multiple });
  const [task, sigma] = [taskElsewhere(), /** @type {number} */ (noise.sigma)];
  const blob = await client.degrade(file, { ...damageFields(), sigma, seed: DAMAGE_SEED });
  const original = file === good.file ? good : await openPicture(file);
  const damaged = await openPicture(new File([blob], namedAfter(file.name, 'damaged'), { type: blob.type }));
  if (mine === turn) mode().value = 'damaged';
  noise.use(isGood());
  place(damaged, mine, { original, damage: original === view.given ? { input: file.name, task, sigma, seed: DAMAGE_SEED } : undefined });
}

async function restore() {
  dropRun();
  showError();
  const measured = /** @type {Picture} */ (view.picture);
  const run = new Run(client);
  view.run = run;
  comparison.begin({ run, measured, original: view.original }, form.task.name === 'colorize');
  run.addEventListener('change', () => {
    if (view.run !== run) return;
    if (run.error) showError(run.error);
    comparison.update();
    show();
    // Whoever waited for it at the button that is gone goes on at the slider.
    if (run.hasEnded && [document.body, byId('stop')].includes(document.activeElement))
      byId('compared').querySelector('input')?.focus({ preventScroll: true });
  });
  show();
  byId('stop').focus({ preventScroll: true });
  if (byId('stage').getBoundingClientRect().top < 0) byId('stage').scrollIntoView();
  await run.start(measured.file, { ...damageFields(), sigma: noise.sigma, ...solverSettings() });
}

function dropRun() {
  const { run } = view;
  view.run = undefined;
  run?.drop();
}

/** How many pixels the service lets a picture have, whose result may have more. */
function mostPixels() {
  const factor = form.task.name.startsWith('sr:') ? Number(form.values.factor) || 1 : 1;
  return (model?.limits.pixels ?? Number.POSITIVE_INFINITY) / factor ** 2;
}

/** @param {Picture} picture */
const isTooLarge = ({ width = 0, height = 0 }) => width * height > mostPixels();

/** Goes on with a copy that the service takes. */
async function shrink() {
  const mine = ++turn;
  const given = /** @type {Picture} */ (view.given);
  const { width = 1, height = 1 } = given;
  const longest = Math.floor(Math.max(width, height) * Math.sqrt(mostPixels() / (width * height)));
  const copy = await trialCopy(given, { longest, multiple: 1 });
  place(await openPicture(new File([copy], namedAfter(copy.name, 'smaller'), { type: copy.type })), mine);
}

/** Asks how much noise the picture has, if this damaged it. @param {number} [waitMs] */
function seekNoise(waitMs) {
  const { picture } = view;
  const isAsked = picture && !isGood() && !isTooLarge(picture) && (!form.task.file || form.file);
  return noise.seek(isAsked && ((signal) => client.noise(picture.file, damageFields(), signal)), waitMs);
}

/** All that depends on what the page has. */
function show() {
  const { given, picture, run, original } = view;
  const isRunning = run !== undefined && !run.hasEnded;
  byId('drop').hidden = picture !== undefined;
  byId('work').hidden = picture === undefined;
  byId('restoring').hidden = isGood();
  byId('go').textContent = isGood() ? 'Damage it' : run?.hasEnded ? 'Restore again' : 'Restore';
  byId('go').disabled = !picture || isRunning;
  byId('back').hidden = !original;
  byId('redraw').hidden = !(run?.hasEnded && form.task.name === HOLE);
  const copy = byId('download-copy');
  copy.hidden = !picture || picture === given || isGood();
  if (picture)
    Object.assign(copy, {
      href: picture.url,
      download: picture.file.name,
      textContent: `Download the ${original ? 'damaged' : 'smaller'} one`,
    });
  if (picture && !run?.hasPicture) showPicture(picture, isRunning ? undefined : holeIn(form, picture));
  showSize(picture);
  showProgress(run, picture);
  showTexts();
}

/** Says before the picture is sent where it is more than the service takes. @param {Picture | undefined} picture */
function showSize(picture) {
  const { width = 0, height = 0 } = picture ?? {};
  byId('large').hidden = !picture || isGood() || !isTooLarge(picture);
  byId('large').firstElementChild.textContent =
    `It has ${megapixels(width * height)}; for this, the service takes ${megapixels(mostPixels())}.`;
}

function showTexts() {
  const name = view.picture?.file.name ?? 'photo.png';
  const settings = { model: model?.name ?? '', task: form.task, values: form.values, path: filePath(), ...solverSettings() };
  const texts = isGood()
    ? {
        ...settings,
        input: namedAfter(name, 'damaged'),
        sigma: /** @type {const} */ ('auto'),
        damage: {
          input: name,
          task: taskElsewhere(),
          sigma: /** @type {number} */ (noise.sigma),
          seed: DAMAGE_SEED,
        },
      }
    : { ...settings, input: name, sigma: noise.sigma, damage: view.damage };
  byId('command').text = commandLine(texts);
  byId('code').text = libraryCode(texts);
}

/** @param {unknown} [error] */
function showError(error) {
  byId('error').hidden = error === undefined;
  byId('error').textContent = error instanceof Error ? error.message : '';
}

const megapixels = (pixels) => `${Number((pixels / 1e6).toPrecision(2))} million pixels`;
const mebibytes = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** @template {unknown[]} T @param {(...values: T) => unknown} act @returns {(...values: T) => Promise<void>} the same, with what it throws shown */
const shown =
  (act) =>
  async (...values) => {
    try {
      await act(...values);
    } catch (error) {
      showError(error);
    }
  };

function wire() {
  byId('drop').addEventListener(
    'picture',
    shown(({ detail }) => take(detail.file, detail.isGood)),
  );
  byId('panel').addEventListener(
    'submit',
    shown((/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      return isGood() ? damage() : restore();
    }),
  );
  for (const radio of mode()) radio.addEventListener('change', shown(stage));
  form.addEventListener('task', () => {
    show();
    void shown(seekNoise)(SEEK_AFTER_MS);
  });
  byId('restoring').addEventListener('input', showTexts);
  byId('hole').addEventListener('box', ({ detail }) => enterHole(form, detail));
  byId('stop').addEventListener('click', () => view.run?.stop());
  byId('redraw').addEventListener('click', () => {
    dropRun();
    show();
    byId('hole').querySelector('button').focus();
  });
  byId('back').addEventListener(
    'click',
    shown(() => {
      mode().value = 'good';
      return stage();
    }),
  );
  byId('shrink').addEventListener('click', shown(shrink));
  byId('another').addEventListener('click', () => byId('drop').querySelector('input').click());
  addEventListener('pagehide', () => view.run?.forget());
}

async function start() {
  model = await client.model();
  byId('model').textContent = `Model ${model.name} · latino-native ${model.version}`;
  byId('prompt').placeholder = model.prompt;
  byId('drop').showSamples(samplesFor(model.name));
  form.show(model.tasks);
  noise.use(isGood());
  wire();
  show();
}

await shown(start)();
