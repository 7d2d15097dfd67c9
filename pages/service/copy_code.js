/** `<copy-code>`: text to take elsewhere, with a button that copies it. */
class CopyCode extends HTMLElement {
  #code = document.createElement('code');

  connectedCallback() {
    const name = this.getAttribute('name') ?? '';
    const copy = Object.assign(document.createElement('button'), { type: 'button', textContent: 'Copy' });
    copy.setAttribute('aria-label', `Copy: ${name}`);
    copy.addEventListener('click', () => this.#copy(copy));
    const header = document.createElement('header');
    header.append(Object.assign(document.createElement('h3'), { textContent: name }), copy);
    const pre = document.createElement('pre');
    pre.append(this.#code);
    this.replaceChildren(header, pre);
  }

  get text() {
    return this.#code.textContent ?? '';
  }

  set text(text) {
    this.#code.textContent = text;
  }

  /** @param {HTMLButtonElement} button says what came of it */
  async #copy(button) {
    // A page that came over plain http from another machine has no clipboard: then the text is chosen, for the person to copy.
    const wasCopied = await navigator.clipboard?.writeText(this.text).then(
      () => true,
      () => false,
    );
    if (!wasCopied) getSelection()?.selectAllChildren(this.#code);
    button.textContent = wasCopied ? 'Copied' : 'Press Ctrl C';
    setTimeout(() => (button.textContent = 'Copy'), 2000);
  }
}

customElements.define('copy-code', CopyCode);
