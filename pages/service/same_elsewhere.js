import { TASK_WORDS } from './task_words.js';
import { givenOptions, placeholders, spelling } from './tasks.js';

/**
 * The command and the code that do what the page does.
 *
 * @typedef {import('./tasks.js').Task} Task
 * @typedef {{ input: string, task: string, sigma: number, seed: number }} Damage what made the measurement of a good picture
 * @typedef {{
 *   input: string, model: string, task: Task, values: import('./tasks.js').Values, path?: string, sigma: number | 'auto', prompt: string,
 *   steps?: number, seed?: number, result?: string, calibrate?: boolean, damage?: Damage,
 * }} Settings `path` is that of the task's own file, where it has one
 */

/** A longer command goes on in another line. */
const COLUMNS = 76;

/** `photo-restored.png` of `photo.jpg`. @param {string} name @param {string} what */
export const namedAfter = (name, what) => `${name.replace(/\.[^.]+$/, '')}-${what}.png`;

/** @param {Settings} settings */
export function commandLine({ input, model, task, values, path, sigma, prompt, steps, seed, result, calibrate, damage }) {
  const restore = command('restore', input, [
    ['--model', model === 'photos' ? undefined : model],
    ['--task', spelling(task, values, path)],
    ['--sigma', sigma === 'auto' ? undefined : sigma],
    ['--prompt', prompt || undefined],
    ['--steps', steps],
    ['--seed', seed],
    ['--result', result || undefined],
    ['--calibrate', calibrate || undefined],
    ['-o', asArgument(namedAfter(input, 'restored'))],
  ]);
  if (!damage) return restore;
  const degrade = command('degrade', damage.input, [
    ['--task', damage.task],
    ['--sigma', damage.sigma],
    ['--seed', damage.seed || undefined],
    ['-o', asArgument(input)],
  ]);
  return `${degrade}\n${restore}`;
}

/**
 * @param {string} name @param {string} input
 * @param {[flag: string, value: string | number | true | undefined][]} flags those without a value are left out
 */
function command(name, input, flags) {
  const given = flags.filter(([, value]) => value !== undefined);
  const parts = given.map(([flag, value]) => (value === true ? flag : `${flag} ${quoted(/** @type {string | number} */ (value))}`));
  const lines = [`npx latino-native ${name} ${quoted(asArgument(input))}`];
  for (const part of parts) {
    const line = `${lines.at(-1)} ${part}`;
    if (line.length <= COLUMNS) lines.splice(-1, 1, line);
    else lines.push(`  ${part}`);
  }
  return lines.join(' \\\n');
}

/** @param {Settings} settings a module for Node */
export function libraryCode({ input, model, task, values, path, sigma, prompt, steps, seed, result, calibrate }) {
  const options = [
    ['operator', operatorCode(task, values, path)],
    ['sigma', literal(sigma)],
    ['prompt', prompt && literal(prompt)],
    ['steps', steps],
    ['seed', seed],
    ['result', result && literal(result)],
    ['calibrate', calibrate],
  ];
  const given = options.filter(([, value]) => value !== undefined && value !== '' && value !== false);
  return [
    `import { Latino, ${factoryOf(task)} } from 'latino-native'`,
    '',
    `const latino = await Latino.load({ model: ${literal(model)} })`,
    `const restored = await latino.restore(${literal(input)}, {`,
    ...given.map(([name, value]) => `  ${name}: ${value},`),
    '})',
    `await restored.toFile(${literal(namedAfter(input, 'restored'))})`,
    'await latino.dispose()',
  ].join('\n');
}

/** The function that makes its operator; what needs a file, and what the page knows nothing of, is parsed. @param {Task} task */
const factoryOf = ({ name }) => TASK_WORDS[name]?.factory ?? 'parseOperator';

/** `superResolution({ factor: 4 })`. @param {Task} task @param {import('./tasks.js').Values} values @param {string} [path] */
function operatorCode(task, values, path) {
  const factory = factoryOf(task);
  if (factory === 'parseOperator') return `await parseOperator(${literal(spelling(task, values, path))})`;
  const arguments_ = placeholders(task).map((name) => [name, values[name]]);
  const required = factory === 'inpainting' ? [['box', `[${arguments_.map(([, value]) => value).join(', ')}]`]] : arguments_;
  const optional = givenOptions(task, values).map(([name, value]) => [name, Number.isNaN(Number(value)) ? literal(value) : value]);
  const members = [...required, ...optional].map(([name, value]) => `${name}: ${value}`);
  return `${factory}(${members.length > 0 ? `{ ${members.join(', ')} }` : ''})`;
}

/** A name that begins with a dash would be taken for a flag. @param {string} path */
const asArgument = (path) => (path.startsWith('-') ? `./${path}` : path);

/** As a POSIX shell takes it. @param {string | number} word */
function quoted(word) {
  const text = String(word);
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** @param {string | number} value in single quotes, as the documentation writes them */
function literal(value) {
  if (typeof value === 'number') return String(value);
  const escaped = JSON.stringify(value).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'");
  return `'${escaped}'`;
}
