/**
 * `<before-after>`: two pictures of one size, one over the other, and how much of each is seen. The slider is a range input that covers them, so
 * that a mouse, a finger and the arrow keys all move it.
 */
class BeforeAfter extends HTMLElement {
  #name = '';
  /** Per cent. */
  #at = '50';

  /**
   * The slider stays where it is for as long as the name does.
   *
   * @param {{ name: string, before?: string, after?: string, width?: number, height?: number, beforeName?: string, afterName?: string }} pictures
   *   where they lie; either may be missing
   */
  show({ name, before, after, width = 1, height = 1, beforeName = 'measured', afterName = 'restored' }) {
    if (name !== this.#name) this.#at = '50';
    this.#name = name;
    this.style.setProperty('--width', String(width));
    this.style.setProperty('--height', String(height));
    this.toggleAttribute('single', !(before && after));
    const shown = [];
    if (after) shown.push(picture(after, 'after', `${name}, ${afterName}`));
    if (before) shown.push(picture(before, before && after ? 'before' : 'after', `${name}, as ${beforeName}`));
    if (before) shown.push(label('left', beforeName));
    if (after) shown.push(label('right', afterName));
    if (before && after) shown.push(this.#slider(`${name}: per cent shown as ${beforeName}`));
    if (shown.length === 0) shown.push(label('missing', 'No picture'));
    this.replaceChildren(...shown);
  }

  /**
   * Another picture in place of the restored one; all else stays, a finger on the slider too.
   *
   * @param {string} after @param {string} afterName
   */
  changeAfter(after, afterName) {
    const image = this.querySelector('img.after');
    const words = this.querySelector('.right');
    if (image) Object.assign(image, { src: after, alt: `${this.#name}, ${afterName}` });
    if (words) words.textContent = afterName;
  }

  /** @param {string} name */
  #slider(name) {
    const slider = document.createElement('input');
    Object.assign(slider, { type: 'range', min: '0', max: '100', step: '1', value: this.#at });
    slider.setAttribute('aria-label', name);
    const move = () => {
      this.#at = slider.value;
      this.style.setProperty('--at', `${slider.value}%`);
    };
    slider.addEventListener('input', move);
    move();
    return slider;
  }
}

/** @param {string} source @param {string} className @param {string} alt */
function picture(source, className, alt) {
  const image = document.createElement('img');
  Object.assign(image, { alt, className, loading: 'lazy', decoding: 'async', draggable: false, src: source });
  return image;
}

/** @param {string} className @param {string} text */
function label(className, text) {
  const span = document.createElement('span');
  Object.assign(span, { className, textContent: text });
  return span;
}

customElements.define('before-after', BeforeAfter);
