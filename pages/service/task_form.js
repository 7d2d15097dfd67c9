import { FileField } from './file_field.js';
import { NumberField } from './number_field.js';
import { TASK_WORDS } from './task_words.js';
import { applies, fieldsOf } from './tasks.js';

/** @typedef {import('./tasks.js').Task} Task @typedef {import('./tasks.js').Values} Values @typedef {import('./tasks.js').Field} Field */

/** `<task-form>`: what damaged the picture, and how much (`task`, when either has changed). */
class TaskForm extends HTMLElement {
  #hint = Object.assign(document.createElement('p'), { className: 'hint' });
  #fields = Object.assign(document.createElement('div'), { className: 'fields' });
  /** @type {Map<string, Values>} what was entered, by name */ #entered = new Map();
  /** @type {Map<string, File>} those that were chosen, by name */ #files = new Map();
  /** @type {Map<string, { value: string }>} those of the task that is shown */ #controls = new Map();
  /** @type {Task | undefined} */ #task;

  /** @param {readonly Task[]} tasks */
  show(tasks) {
    const cards = Object.assign(document.createElement('fieldset'), { className: 'cards' });
    cards.append(
      Object.assign(document.createElement('legend'), { textContent: 'What damaged it' }),
      ...tasks.map((task) => this.#card(task)),
    );
    this.replaceChildren(cards, this.#hint, this.#fields);
    this.#fields.addEventListener('input', () => this.#enter());
    if (tasks[0]) this.#choose(tasks[0]);
  }

  /** @returns {Task} */
  get task() {
    return /** @type {Task} */ (this.#task);
  }

  /** Of every field of the task. @returns {Values} */
  get values() {
    return this.valuesOf(this.task.name);
  }

  /** The file that its task needs beside the picture, once it was chosen. @returns {File | undefined} */
  get file() {
    return this.#files.get(this.task.name);
  }

  /** Those of a task that was not shown yet may be missing. @param {string} task its name @returns {Values} */
  valuesOf(task) {
    return this.#entered.get(task) ?? {};
  }

  /** Says what stands in the fields of a task, whether it is the one that is shown or not. @param {string} task its name @param {Values} values */
  preset(task, values) {
    this.#entered.set(task, { ...this.#entered.get(task), ...values });
    if (task !== this.task.name) return;
    for (const [name, value] of Object.entries(values)) {
      const control = this.#controls.get(name);
      if (control) control.value = value;
    }
    this.#enter();
  }

  /** @param {Task} task */
  #card(task) {
    const words = TASK_WORDS[task.name];
    const radio = Object.assign(document.createElement('input'), { type: 'radio', name: 'task', value: task.name });
    radio.checked = !this.#task;
    this.#task ??= task;
    radio.addEventListener('change', () => this.#choose(task));
    const card = document.createElement('label');
    card.append(
      radio,
      icon(words?.icon ?? 'other'),
      Object.assign(document.createElement('span'), { textContent: words?.title ?? task.help }),
    );
    return card;
  }

  /** @param {Task} task */
  #choose(task) {
    this.#task = task;
    const words = TASK_WORDS[task.name];
    this.#hint.textContent = words?.hint ?? task.help;
    this.#controls.clear();
    const fields = fieldsOf(task).filter(({ name }) => !words?.fields[name]?.hidden);
    this.#fields.replaceChildren(...(task.file ? [this.#fileControl(task)] : []), ...fields.map((field) => this.#control(field)));
    this.#enter();
  }

  /** @param {Field} field @returns {HTMLElement} */
  #control(field) {
    const { name, choices, byDefault } = field;
    const words = TASK_WORDS[this.task.name]?.fields[name];
    const label = words?.label ?? name;
    const value = this.values[name] ?? words?.value ?? byDefault;
    if (choices) {
      const select = document.createElement('select');
      select.append(...choices.map((choice) => new Option(words?.choices?.[choice] ?? choice, choice, false, choice === value)));
      this.#controls.set(name, select);
      const labelled = Object.assign(document.createElement('label'), { className: 'stacked' });
      labelled.append(Object.assign(document.createElement('span'), { textContent: label }), select);
      return labelled;
    }
    const number = new NumberField();
    number.show({ label, value, low: words?.low ?? field.low, high: words?.high ?? field.high, step: words?.step });
    this.#controls.set(name, number);
    return number;
  }

  /** @param {Task} task @returns {HTMLElement} */
  #fileControl({ name, file }) {
    const field = new FileField();
    field.show({ label: TASK_WORDS[name]?.file ?? file ?? '', file: this.#files.get(name) });
    field.addEventListener('input', () => field.file && this.#files.set(name, field.file));
    return field;
  }

  #enter() {
    const values = Object.fromEntries([...this.#controls].map(([name, { value }]) => [name, value.trim()]));
    this.#entered.set(this.task.name, values);
    for (const field of fieldsOf(this.task)) {
      const control = /** @type {any} */ (this.#controls.get(field.name));
      if (field.needs && control) (control.closest('label') ?? control).hidden = !applies(field, values);
    }
    this.dispatchEvent(new CustomEvent('task'));
  }
}

/** @param {string} name of a symbol in icons.svg */
function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  use.setAttribute('href', `assets/service/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

customElements.define('task-form', TaskForm);
