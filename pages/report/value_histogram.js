/** @typedef {import('../../src/batch/report/page_data.ts').PageHistogram} PageHistogram */

const HEIGHT = 180;
const dark = matchMedia('(prefers-color-scheme: dark)');

/** `<value-histogram>`: how often a value came out how large; drawn by uPlot, in the colours of the page. */
class ValueHistogram extends HTMLElement {
  /** @type {PageHistogram | undefined} */ #histogram;
  /** @type {import('uplot') | undefined} */ #plot;
  #resized = new ResizeObserver(() => this.#plot?.setSize({ width: this.clientWidth, height: HEIGHT }));
  #recolour = () => this.#draw();

  connectedCallback() {
    dark.addEventListener('change', this.#recolour);
    this.#resized.observe(this);
  }

  disconnectedCallback() {
    dark.removeEventListener('change', this.#recolour);
    this.#resized.disconnect();
  }

  /** @param {PageHistogram} histogram */
  show(histogram) {
    this.#histogram = histogram;
    this.#draw();
  }

  #draw() {
    if (!this.#histogram) return;
    const { label, unit, low, width, counts, count, median, smallest, largest } = this.#histogram;
    const heading = Object.assign(document.createElement('h3'), { textContent: unit ? `${label}, ${unit}` : label });
    const of = `${count.toLocaleString('en')} ${count === 1 ? 'image' : 'images'}`;
    const summary = `${of}: ${number(smallest)} to ${number(largest)}, median ${number(median)}`;
    const caption = Object.assign(document.createElement('p'), { textContent: summary });
    const place = document.createElement('div');
    place.setAttribute('role', 'img');
    place.setAttribute('aria-label', `Histogram of ${label}. ${summary}`);
    this.replaceChildren(heading, place, caption);

    const colour = (name) => getComputedStyle(this).getPropertyValue(name).trim();
    const axis = { stroke: colour('--quiet'), grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false } };
    const middles = counts.map((_, i) => low + (i + 0.5) * width);
    this.#plot?.destroy();
    this.#plot = new uPlot(
      {
        width: this.clientWidth,
        height: HEIGHT,
        legend: { show: false },
        cursor: { show: false },
        scales: {
          x: { time: false, range: [low, low + counts.length * width] },
          y: { range: (_, __, most) => [0, Math.max(1, most * 1.05)] },
        },
        axes: [
          { ...axis, grid: { show: false }, size: 32 },
          { ...axis, size: 48, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5] },
        ],
        series: [{}, { fill: colour('--accent'), paths: uPlot.paths.bars?.({ size: [1, Infinity], gap: 1 }), points: { show: false } }],
      },
      [middles, [...counts]],
      place,
    );
  }
}

/** @param {number} value three digits are enough to tell a value by */
const number = (value) => (Math.abs(value) >= 1000 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3))));

customElements.define('value-histogram', ValueHistogram);
