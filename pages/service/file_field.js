/** `<file-field>`: a picture that tells the damage, such as a mask. That it was chosen is heard of as `input`. */
export class FileField extends HTMLElement {
  #input = Object.assign(document.createElement('input'), { type: 'file', accept: 'image/*', required: true, className: 'unseen' });
  #image = Object.assign(document.createElement('img'), { alt: '' });
  #name = document.createElement('span');
  /** @type {File | undefined} */ #file;

  constructor() {
    super();
    this.#input.addEventListener('input', () => {
      // Whoever chooses again and then none keeps what there was.
      this.#take(this.#input.files?.[0] ?? this.#file);
    });
  }

  /** @param {{ label: string, file?: File }} field */
  show({ label, file }) {
    const words = Object.assign(document.createElement('span'), { textContent: label });
    const button = Object.assign(document.createElement('label'), { className: 'button', textContent: 'Choose its picture' });
    button.append(this.#input);
    this.#input.setAttribute('aria-label', `${label}: Choose its picture`);
    const chosen = Object.assign(document.createElement('p'), { className: 'note' });
    chosen.append(this.#image, this.#name);
    this.replaceChildren(words, button, chosen);
    this.#take(file);
  }

  disconnectedCallback() {
    URL.revokeObjectURL(this.#image.src);
  }

  /** @returns {File | undefined} */
  get file() {
    return this.#file;
  }

  /** @param {File | undefined} file */
  #take(file) {
    URL.revokeObjectURL(this.#image.src);
    this.#file = file;
    this.#input.required = !file;
    this.#name.textContent = file?.name ?? 'None yet';
    this.#image.hidden = !file;
    if (file) this.#image.src = URL.createObjectURL(file);
  }
}

customElements.define('file-field', FileField);
