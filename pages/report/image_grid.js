/** @typedef {import('../../src/batch/report/page_data.ts').PageRow} PageRow */

/** `<image-grid>`: a before/after slider an image; its name asks for the picture alone (`open`). */
class ImageGrid extends HTMLElement {
  /** @param {readonly PageRow[]} rows @param {{ pictures: (row: PageRow) => object, caption: (row: PageRow) => string }} how */
  show(rows, { pictures, caption }) {
    this.replaceChildren(...rows.map((row, index) => this.#card(row, index, pictures(row), caption(row))));
  }

  /** @param {PageRow} row @param {number} index @param {object} pictures @param {string} caption */
  #card(row, index, pictures, caption) {
    const slider = /** @type {HTMLElement & { show(pictures: object): void }} */ (document.createElement('before-after'));
    slider.show(pictures);
    const name = Object.assign(document.createElement('button'), { type: 'button', className: 'link', textContent: row.input });
    name.addEventListener('click', () => this.dispatchEvent(new CustomEvent('open', { detail: index })));
    const details = Object.assign(document.createElement('small'), { textContent: row.error?.message ?? caption });
    if (row.error) details.className = 'bad';
    const words = document.createElement('figcaption');
    words.append(name, details);
    const figure = document.createElement('figure');
    figure.append(slider, words);
    return figure;
  }
}

customElements.define('image-grid', ImageGrid);
