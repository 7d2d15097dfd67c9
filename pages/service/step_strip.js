/** `<step-strip>`: a small picture for each step, in its place as soon as it is there. One that is pressed is asked for (`step`). */
class StepStrip extends HTMLElement {
  /** @param {number} steps how many there are to be */
  clear(steps) {
    const list = document.createElement('ol');
    list.append(...Array.from({ length: steps }, () => document.createElement('li')));
    this.replaceChildren(list);
  }

  /** @param {number} step from 1 @param {string} image its address */
  show(step, image) {
    const button = Object.assign(document.createElement('button'), { type: 'button' });
    button.setAttribute('aria-label', `Look at step ${step}`);
    button.append(Object.assign(document.createElement('img'), { alt: '', src: image }));
    button.addEventListener('click', () => this.dispatchEvent(new CustomEvent('step', { detail: { step, image } })));
    this.querySelector(`li:nth-child(${step})`)?.replaceChildren(button);
  }

  /** @param {number} step */
  has(step) {
    return this.querySelector(`li:nth-child(${step}) > button`) !== null;
  }

  /** @param {number | undefined} step the one that is looked at */
  mark(step) {
    for (const [index, item] of this.querySelectorAll('li').entries())
      item.firstElementChild?.setAttribute('aria-pressed', String(index + 1 === step));
  }
}

customElements.define('step-strip', StepStrip);
