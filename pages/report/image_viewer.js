/** @typedef {{ name: string, pictures: object, facts: readonly (readonly [string, string])[], href?: string, link?: string }} Subject */

/** `<image-viewer>`: one image, as large as fits, in a dialog. Left and right go through the list, but for the slider's own arrow keys. */
class ImageViewer extends HTMLElement {
  #dialog = document.createElement('dialog');
  #name = document.createElement('h2');
  #slider = /** @type {HTMLElement & { show(pictures: object): void }} */ (document.createElement('before-after'));
  #facts = Object.assign(document.createElement('dl'), { className: 'facts' });
  #link = document.createElement('a');
  #previous = button('←', 'Previous image');
  #next = button('→', 'Next image');
  #at = 0;
  #count = 0;
  /** @type {(index: number) => Subject} */ #subject = () => ({ name: '', pictures: {}, facts: [] });

  connectedCallback() {
    const close = button('✕', 'Close');
    const header = document.createElement('header');
    header.append(this.#name, this.#previous, this.#next, close);
    const words = document.createElement('div');
    words.append(this.#facts, this.#link);
    const body = Object.assign(document.createElement('div'), { className: 'body' });
    body.append(this.#slider, words);
    this.#name.id = 'viewer-name';
    this.#dialog.setAttribute('aria-labelledby', 'viewer-name');
    this.#dialog.append(header, body);
    this.append(this.#dialog);

    close.addEventListener('click', () => this.#dialog.close());
    this.#previous.addEventListener('click', () => this.#go(this.#at - 1));
    this.#next.addEventListener('click', () => this.#go(this.#at + 1));
    this.#dialog.addEventListener('click', ({ target }) => target === this.#dialog && this.#dialog.close());
    this.#dialog.addEventListener('keydown', ({ key, target }) => {
      if (target instanceof HTMLInputElement) return;
      if (key === 'ArrowLeft') this.#go(this.#at - 1);
      if (key === 'ArrowRight') this.#go(this.#at + 1);
    });
  }

  /** @param {number} index @param {number} count @param {(index: number) => Subject} subject what is at a place of the list */
  open(index, count, subject) {
    this.#count = count;
    this.#subject = subject;
    this.#go(index);
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  /** @param {number} index */
  #go(index) {
    if (index < 0 || index >= this.#count) return;
    this.#at = index;
    this.#previous.disabled = index === 0;
    this.#next.disabled = index === this.#count - 1;
    const { name, pictures, facts, href, link } = this.#subject(index);
    this.#name.textContent = name;
    this.#slider.show(pictures);
    this.#facts.replaceChildren(...facts.flatMap(([term, value]) => [entry('dt', term), entry('dd', value)]));
    this.#link.hidden = !href;
    if (href) Object.assign(this.#link, { href, textContent: link, target: '_blank', rel: 'noopener' });
  }
}

/** @param {string} text @param {string} label */
function button(text, label) {
  const element = Object.assign(document.createElement('button'), { type: 'button', textContent: text });
  element.setAttribute('aria-label', label);
  return element;
}

/** @param {string} tag @param {string} text */
const entry = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });

customElements.define('image-viewer', ImageViewer);
