import { moved, resized, spanned } from './box.js';

/** @typedef {import('./box.js').Box} Box @typedef {import('./box.js').Point} Point */

const HELP = 'Missing part. Arrow keys move it; with Shift they change its size.';
/** A press of an arrow key is this part of the picture's side, and a pixel at least. */
const KEY_STEP = 1 / 64;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** `<hole-box>`: lies over a picture, and has a box drawn on it by a pointer or by keys (`box`, with the box in pixels of the picture). */
class HoleBox extends HTMLElement {
  #size = { width: 1, height: 1 };
  /** @type {Box} */ #box = { top: 0, left: 0, height: 1, width: 1 };
  #frame = Object.assign(document.createElement('button'), { type: 'button', className: 'hole' });
  /** @type {((to: Point) => Box) | undefined} what a pointer that is down does */
  #drag;

  connectedCallback() {
    this.#frame.setAttribute('aria-label', HELP);
    this.#frame.append(...['nw', 'ne', 'sw', 'se'].map((corner) => Object.assign(document.createElement('span'), { className: corner })));
    this.replaceChildren(this.#frame);
    this.addEventListener('pointerdown', this);
    this.addEventListener('pointermove', this);
    this.addEventListener('lostpointercapture', this);
    this.#frame.addEventListener('keydown', this);
  }

  /** @param {{ width: number, height: number }} size of the picture @param {Box} box */
  show(size, box) {
    this.#size = size;
    this.#box = box;
    const percent = (value, side) => `${(100 * value) / side}%`;
    this.#frame.style.top = percent(box.top, size.height);
    this.#frame.style.left = percent(box.left, size.width);
    this.#frame.style.height = percent(box.height, size.height);
    this.#frame.style.width = percent(box.width, size.width);
  }

  /** @param {Event} event */
  handleEvent(event) {
    if (event instanceof KeyboardEvent) return this.#press(event);
    if (!(event instanceof PointerEvent)) return;
    if (event.type === 'pointerdown' && event.button === 0) {
      event.preventDefault();
      this.setPointerCapture(event.pointerId);
      this.#frame.focus({ preventScroll: true });
      this.#drag = this.#dragFrom(event);
    } else if (event.type === 'pointermove' && this.#drag) this.#change(this.#drag(this.#pointOf(event)));
    else if (event.type === 'lostpointercapture') this.#drag = undefined;
  }

  /** A corner is drawn from its opposite, the box is moved, and beside it another is begun. @param {PointerEvent} event @returns {(to: Point) => Box} */
  #dragFrom(event) {
    const [from, box, target] = [this.#pointOf(event), this.#box, /** @type {Element} */ (event.target)];
    const corner = target.parentElement === this.#frame ? target.className : '';
    const opposite = { x: box.left + (corner.endsWith('w') ? box.width : 0), y: box.top + (corner.startsWith('n') ? box.height : 0) };
    if (corner) return (to) => spanned(opposite, to, this.#size);
    if (target === this.#frame) return (to) => moved(box, to.x - from.x, to.y - from.y, this.#size);
    return (to) => spanned(from, to, this.#size);
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    const [dx, dy] = ARROWS[event.key] ?? [];
    if (dx === undefined) return;
    event.preventDefault();
    const step = Math.max(1, Math.round(Math.max(this.#size.width, this.#size.height) * KEY_STEP));
    this.#change((event.shiftKey ? resized : moved)(this.#box, dx * step, dy * step, this.#size));
  }

  /** @param {PointerEvent} event @returns {Point} */
  #pointOf({ clientX, clientY }) {
    const { left, top, width, height } = this.getBoundingClientRect();
    return { x: ((clientX - left) / width) * this.#size.width, y: ((clientY - top) / height) * this.#size.height };
  }

  /** @param {Box} box */
  #change(box) {
    this.show(this.#size, box);
    this.dispatchEvent(new CustomEvent('box', { detail: box }));
  }
}

customElements.define('hole-box', HoleBox);
