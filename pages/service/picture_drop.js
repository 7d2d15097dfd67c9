/**
 * @typedef {{ name: string, file: string }} Sample a good picture to try with
 * @typedef {{ file: File, isGood: boolean }} Given
 */

/** `<picture-drop>`: takes a picture that is dropped anywhere on the page, pasted, chosen, or one of the samples (`picture`). */
class PictureDrop extends HTMLElement {
  #depth = 0;

  connectedCallback() {
    const input = /** @type {HTMLInputElement} */ (this.querySelector('input[type=file]'));
    input.addEventListener('change', () => {
      this.#give(input.files?.[0]);
      input.value = ''; // the same file may be chosen again
    });
    document.addEventListener('paste', ({ clipboardData }) => this.#give(pictureIn(clipboardData)));
    document.addEventListener('dragenter', (event) => this.#over(event, 1));
    document.addEventListener('dragleave', (event) => this.#over(event, -1));
    document.addEventListener('dragover', (event) => event.preventDefault());
    document.addEventListener('drop', (event) => {
      event.preventDefault();
      this.#over(event, -this.#depth);
      this.#give(pictureIn(event.dataTransfer));
    });
  }

  /** @param {readonly Sample[]} samples */
  showSamples(samples) {
    const list = /** @type {HTMLElement} */ (this.querySelector('.samples'));
    list.replaceChildren(
      ...samples.map(({ name, file }) => {
        const address = `assets/service/samples/${file}`;
        const button = Object.assign(document.createElement('button'), { type: 'button' });
        button.append(Object.assign(document.createElement('img'), { alt: name, src: address, width: 256, height: 256 }));
        button.addEventListener('click', async () => {
          const blob = await (await fetch(address)).blob();
          this.#give(new File([blob], file, { type: blob.type }), true);
        });
        return button;
      }),
    );
  }

  /** Entering a child comes before leaving its parent. @param {DragEvent} event @param {number} by */
  #over(event, by) {
    event.preventDefault();
    this.#depth += by;
    document.documentElement.classList.toggle('dropping', this.#depth > 0);
  }

  /** @param {File | undefined} file @param {boolean} [isGood] */
  #give(file, isGood = false) {
    if (file) this.dispatchEvent(new CustomEvent('picture', { detail: { file, isGood } }));
  }
}

/** The first file that is not plainly something else; whether it is a picture the service knows. @param {DataTransfer | null} data */
const pictureIn = (data) => [...(data?.files ?? [])].find(({ type }) => type === '' || type.startsWith('image/')) ?? data?.files[0];

customElements.define('picture-drop', PictureDrop);
