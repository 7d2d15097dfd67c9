/**
 * @typedef {import('../../src/batch/report/page_data.ts').PageRow} PageRow
 * @typedef {{ key: string, label: string, numeric: boolean, text: (row: PageRow) => string }} Column
 */

/** `<image-table>`: a row an image. A heading that is pressed asks for another order (`sort`), a row for its picture (`open`). */
class ImageTable extends HTMLElement {
  #head = document.createElement('tr');
  #body = document.createElement('tbody');

  connectedCallback() {
    const head = document.createElement('thead');
    head.append(this.#head);
    const table = document.createElement('table');
    table.append(head, this.#body);
    this.replaceChildren(table);
    this.#head.addEventListener('click', ({ target }) => {
      const key = /** @type {Element} */ (target).closest('th')?.dataset.key;
      if (key) this.dispatchEvent(new CustomEvent('sort', { detail: key }));
    });
    this.#body.addEventListener('click', ({ target }) => {
      const row = /** @type {Element} */ (target).closest('tr');
      if (row) this.dispatchEvent(new CustomEvent('open', { detail: row.sectionRowIndex }));
    });
  }

  /**
   * @param {readonly PageRow[]} rows
   * @param {{ columns: readonly Column[], sort: { key: string, descending: boolean }, thumbnail: (row: PageRow) => string | undefined }} how
   */
  show(rows, { columns, sort, thumbnail }) {
    // Headings stay, so that the one that was pressed keeps the focus.
    if (this.#head.childElementCount === 0) this.#head.append(cell('th', '', 'Picture'), ...columns.map(heading));
    for (const th of this.#head.querySelectorAll('th')) {
      if (th.dataset.key === sort.key) th.setAttribute('aria-sort', sort.descending ? 'descending' : 'ascending');
      else th.removeAttribute('aria-sort');
    }
    this.#body.replaceChildren(...rows.map((row) => tableRow(row, columns, thumbnail(row))));
  }
}

/** @param {Column} column */
function heading({ key, label, numeric }) {
  const th = document.createElement('th');
  th.scope = 'col';
  th.dataset.key = key;
  if (numeric) th.className = 'number';
  th.append(Object.assign(document.createElement('button'), { type: 'button', textContent: label }));
  return th;
}

/** @param {PageRow} row @param {readonly Column[]} columns @param {string | undefined} thumbnail */
function tableRow(row, columns, thumbnail) {
  const tr = document.createElement('tr');
  const opener = Object.assign(document.createElement('button'), { type: 'button', className: 'thumbnail' });
  opener.setAttribute('aria-label', `Look at ${row.input}`);
  if (thumbnail)
    opener.append(Object.assign(document.createElement('img'), { loading: 'lazy', decoding: 'async', alt: '', src: thumbnail }));
  const picture = document.createElement('td');
  picture.append(opener);
  tr.append(picture, ...columns.map((column) => valueCell(row, column)));
  return tr;
}

/** @param {PageRow} row @param {Column} column */
function valueCell(row, { key, label, numeric, text }) {
  const td = cell('td', numeric ? 'number' : '', text(row));
  if (key === 'input') {
    td.className = 'name';
    if (row.error) td.append(note('bad', row.error.message));
    for (const warning of row.warnings ?? []) td.append(note('warned', warning));
  } else {
    td.dataset.label = label;
    if (key === 'status' && row.status === 'failed') td.classList.add('bad');
  }
  return td;
}

/** @param {'td' | 'th'} tag @param {string} className @param {string} text */
const cell = (tag, className, text) => Object.assign(document.createElement(tag), { className, textContent: text });

/** @param {string} className @param {string} text */
const note = (className, text) => Object.assign(document.createElement('small'), { className, textContent: text });

customElements.define('image-table', ImageTable);
