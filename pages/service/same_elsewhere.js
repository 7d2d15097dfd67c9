import { TASK_WORDS } from './task_words.js';
import { givenOptions, placeholders, spelling } from './tasks.js';

/**
 * The command and the code that do what the page does.
 *
 * @typedef {import('./tasks.js').Task} Task
 * @typedef {{ input: string, sigma: number, seed: number }} Damage what made the measurement of a good picture
 * @typedef {{
 *   input: string, model: string, task: Task, values: import('./tasks.js').Values, sigma: number | 'auto', prompt: string,
 *   steps?: number, seed?: number, result?: string, calibrate?: boolean, damage?: Damage,
 * }} Settings
 */

/** `photo-restored.png` of `photo.jpg`. @param {string} name @param {string} what */
export const namedAfter = (name, what) => `${name.replace(/\.[^.]+$/, '')}-${what}.png`;

/** @param {Settings} settings a line a command */
export function commandLine({ input, model, task, values, sigma, prompt, steps, seed, result, calibrate, damage }) {
  const taskFlag = ['--task', spelling(task, values)];
  const restore = [
    'restore',
    asArgument(input),
    ...(model === 'photos' ? [] : ['--model', model]),
    ...taskFlag,
    ...(sigma === 'auto' ? [] : ['--sigma', sigma]),
    ...(prompt ? ['--prompt', prompt] : []),
    ...(steps === undefined ? [] : ['--steps', steps]),
    ...(seed === undefined ? [] : ['--seed', seed]),
    ...(result ? ['--result', result] : []),
    ...(calibrate ? ['--calibrate'] : []),
    '-o',
    asArgument(namedAfter(input, 'restored')),
  ];
  const degrade = damage && [
    'degrade',
    asArgument(damage.input),
    ...taskFlag,
    '--sigma',
    damage.sigma,
    ...(damage.seed === 0 ? [] : ['--seed', damage.seed]),
    '-o',
    asArgument(input),
  ];
  return [degrade, restore].flatMap((words) => (words ? [['npx', 'latino-native', ...words].map(quoted).join(' ')] : [])).join('\n');
}

/** @param {Settings} settings a module for Node */
export function libraryCode({ input, model, task, values, sigma, prompt, steps, seed, result, calibrate }) {
  const factory = TASK_WORDS[task.usage]?.factory ?? 'parseOperator';
  const options = [
    ['operator', operatorCode(task, values)],
    ['sigma', literal(sigma)],
    ['prompt', prompt && literal(prompt)],
    ['steps', steps],
    ['seed', seed],
    ['result', result && literal(result)],
    ['calibrate', calibrate],
  ];
  const given = options.filter(([, value]) => value !== undefined && value !== '' && value !== false);
  return [
    `import { Latino, ${factory} } from 'latino-native'`,
    '',
    `const latino = await Latino.load({ model: ${literal(model)} })`,
    `const restored = await latino.restore(${literal(input)}, {`,
    ...given.map(([name, value]) => `  ${name}: ${value},`),
    '})',
    `await restored.toFile(${literal(namedAfter(input, 'restored'))})`,
    'await latino.dispose()',
  ].join('\n');
}

/** `superResolution({ factor: 4 })`; what the page has no function for is parsed. @param {Task} task @param {import('./tasks.js').Values} values */
function operatorCode(task, values) {
  const words = TASK_WORDS[task.usage];
  if (!words) return `await parseOperator(${literal(spelling(task, values))})`;
  const arguments_ = placeholders(task.usage).map((name) => [name, values[name]]);
  const required = words.factory === 'inpainting' ? [['box', `[${arguments_.map(([, value]) => value).join(', ')}]`]] : arguments_;
  const optional = givenOptions(task, values).map(([name, value]) => [name, Number.isNaN(Number(value)) ? literal(value) : value]);
  const members = [...required, ...optional].map(([name, value]) => `${name}: ${value}`);
  return `${words.factory}(${members.length > 0 ? `{ ${members.join(', ')} }` : ''})`;
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
