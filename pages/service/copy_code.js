/** `<copy-code>`: text to take elsewhere, with a button that copies it. */
class CopyCode extends HTMLElement {
  #code = document.createElement('code');
  #copy = Object.assign(document.createElement('button'), { type: 'button' });

  connectedCallback() {
    const name = this.getAttribute('name') ?? '';
    this.#copy.addEventListener('click', () => this.#take());
    const header = document.createElement('header');
    header.append(Object.assign(document.createElement('h3'), { textContent: name }), this.#copy);
    const pre = document.createElement('pre');
    pre.append(this.#code);
    this.replaceChildren(header, pre);
  }

  get text() {
    return this.#code.textContent ?? '';
  }

  set text(text) {
    if (text === this.#code.textContent) return;
    this.#code.textContent = text;
    this.#say('Copy');
  }

  async #take() {
    // A page that came over plain http from another machine has no clipboard: then the text is chosen, for the person to copy.
    const wasCopied = await navigator.clipboard?.writeText(this.text).then(
      () => true,
      () => false,
    );
    if (!wasCopied) getSelection()?.selectAllChildren(this.#code);
    this.#say(wasCopied ? 'Copied' : 'Press Ctrl C');
  }

  /** @param {string} words */
  #say(words) {
    this.#copy.textContent = words;
    this.#copy.setAttribute('aria-label', `${words}: ${this.getAttribute('name')}`);
  }
}

customElements.define('copy-code', CopyCode);
