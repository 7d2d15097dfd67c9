/**
 * `<before-after>`: two pictures of one size, one over the other, and how much of each is seen. The slider is a range input that covers them, so
 * that a mouse, a finger and the arrow keys all move it.
 */
class BeforeAfter extends HTMLElement {
  /** @param {{ name: string, before?: string, after?: string, width?: number, height?: number }} pictures where they lie; either may be missing */
  show({ name, before, after, width = 1, height = 1 }) {
    this.style.setProperty('--width', String(width));
    this.style.setProperty('--height', String(height));
    this.toggleAttribute('single', !(before && after));
    const shown = [];
    if (after) shown.push(picture(after, 'after', `${name}, restored`));
    if (before) shown.push(picture(before, before && after ? 'before' : 'after', `${name}, as measured`));
    if (before) shown.push(label('left', 'measured'));
    if (after) shown.push(label('right', 'restored'));
    if (before && after) shown.push(this.#slider(name));
    if (shown.length === 0) shown.push(label('missing', 'No picture'));
    this.replaceChildren(...shown);
  }

  /** @param {string} name */
  #slider(name) {
    const slider = document.createElement('input');
    Object.assign(slider, { type: 'range', min: '0', max: '100', step: '1', value: '50' });
    slider.setAttribute('aria-label', `${name}: per cent shown as measured`);
    const move = () => this.style.setProperty('--at', `${slider.value}%`);
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
