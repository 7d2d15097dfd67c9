/** `<number-field>`: a number to type, and where it has a usual range, a slider for it. Either is heard of as `input`. */
export class NumberField extends HTMLElement {
  #number = Object.assign(document.createElement('input'), { type: 'number', step: 'any', required: true });
  /** @type {HTMLInputElement | undefined} */ #slider;

  /** @param {{ label: string, value: string, low?: number, high?: number, step?: number }} field */
  show({ label, value, low, high, step }) {
    const words = document.createElement('label');
    words.append(Object.assign(document.createElement('span'), { textContent: label }), this.#number);
    this.#number.value = value;
    this.replaceChildren(words);
    this.className = low === undefined ? 'half' : '';
    if (low === undefined || high === undefined) return;
    const slider = Object.assign(document.createElement('input'), {
      type: 'range',
      min: String(low),
      max: String(high),
      step: String(step),
    });
    slider.value = value;
    slider.setAttribute('aria-label', label);
    slider.addEventListener('input', () => (this.#number.value = slider.value));
    this.#number.addEventListener('input', () => (slider.value = this.#number.value));
    this.#slider = slider;
    this.append(slider);
  }

  get value() {
    return this.#number.value;
  }

  set value(value) {
    this.#number.value = value;
    if (this.#slider) this.#slider.value = value;
  }
}

customElements.define('number-field', NumberField);
