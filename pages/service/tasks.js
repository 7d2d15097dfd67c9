/**
 * What damages pictures, from the spellings that the service lists: `sr:<factor>` has a field `factor`, and one for each option behind it.
 *
 * @typedef {{
 *   name: string, example: string, help: string, options: Readonly<Record<string, string>>, file?: string,
 * }} Task as GET /v1/model lists them; `file` is the name of a second file that is sent for it
 * @typedef {{ name: string, isOption: boolean, choices?: readonly string[], low?: number, high?: number, byDefault: string, needs?: readonly [string, string] }} Field
 * @typedef {Record<string, string>} Values what stands in the fields of a task
 */

/** @param {Task} task @returns {Field[]} */
export function fieldsOf(task) {
  const { example, options } = task;
  const names = placeholders(task);
  const examples = example.split(':').slice(-names.length);
  return [
    ...names.map((name, i) => ({ name, isOption: false, byDefault: examples[i] ?? '' })),
    ...Object.entries(options).map(([name, values]) => ({ name, isOption: true, ...optionField(values) })),
  ];
}

/**
 * The task as the command line spells it; options that are what they are by default are left out.
 *
 * @param {Task} task @param {Values} values @param {string} [path] of its file: without, as the service is asked, which is sent the file itself
 */
export function spelling(task, values, path) {
  const fields = fieldsOf(task);
  const required = fields.filter(({ isOption }) => !isOption);
  const argument = required.reduce((text, field) => text.replace(`<${field.name}>`, values[field.name] ?? field.byDefault), task.name);
  const options = givenOptions(task, values).map(([name, value]) => `,${name}=${value}`);
  return [argument, ...(path === undefined ? [] : [`:${path}`]), ...options].join('');
}

/**
 * The options that are not what they are by default, in pairs of a name and a value.
 *
 * @param {Task} task @param {Values} values @returns {[string, string][]}
 */
export function givenOptions(task, values) {
  return fieldsOf(task).flatMap((field) => {
    const { name, isOption, byDefault } = field;
    const value = values[name] ?? byDefault;
    return isOption && applies(field, values) && value !== '' && value !== byDefault ? [[name, value]] : [];
  });
}

/** Whether an option has a meaning beside the others. @param {Field} field @param {Values} values */
export const applies = ({ needs }, values) => !needs || values[needs[0]] === needs[1];

/** `top`, `left` of `inpaint:box:<top>:<left>`. @param {Pick<Task, 'name'>} task */
export const placeholders = (task) => [...task.name.matchAll(/<([^>]+)>/g)].map(([, name]) => name);

/** Of `a|b|c`, the first by default, of `3..1023 (25)`, and either behind `(with phase=reference)`. @param {string} values */
function optionField(values) {
  const [, text, name, value] = /^(.*?)(?: \(with (\w+)=(\w+)\))?$/.exec(values) ?? [];
  const needs = name ? /** @type {const} */ ([name, value]) : undefined;
  const range = /^(.+)\.\.(.+) \((.+)\)$/.exec(text);
  if (range) return { low: Number(range[1]), high: Number(range[2]), byDefault: range[3], needs };
  const choices = text.split('|');
  return { choices, byDefault: choices[0], needs };
}
