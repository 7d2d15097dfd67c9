/**
 * @typedef {import('../../src/batch/report/page_data.ts').PageData} PageData
 * @typedef {import('../../src/batch/report/page_data.ts').PageRow} PageRow
 * @typedef {{ key: string, label: string, numeric: boolean, value: (row: PageRow) => number | string | undefined, text: (row: PageRow) => string }} Column
 */

const PAGE_SIZE = 50;
const STANDING_OUT = 8;

/** @param {string} id @returns {any} an element of report.html, of the kind that it is there */
const byId = (id) => document.getElementById(id);
/** @type {PageData} */
const { title, made, version, inputs, runs, totals, histograms, rows } = JSON.parse(byId('data').textContent);

const count = (value) => value.toLocaleString('en');
const seconds = (value) => `${value.toFixed(value < 10 ? 2 : 1)} s`;
/** @param {PageRow} row */
const noise = ({ sigma, sigmaEstimated }) =>
  sigma === undefined ? '' : `${Number(sigma.toPrecision(2))}${sigmaEstimated ? ' (estimated)' : ''}`;
/** Of what equals its reference there is no PSNR: it is beyond all others. */
const decibels = (value) => (value === null ? 'equal' : `${value.toFixed(2)} dB`);
const date = (iso) => new Date(iso).toLocaleString('en', { dateStyle: 'long', timeStyle: 'short' });

/** @type {readonly Column[]} */
const everyColumn = [
  { key: 'input', label: 'Image', numeric: false, value: (row) => row.input, text: (row) => row.input },
  { key: 'status', label: 'Status', numeric: false, value: (row) => row.status, text: (row) => row.status.replace('done', 'restored') },
  {
    key: 'size',
    label: 'Size',
    numeric: true,
    value: (row) => row.width && row.height && row.width * row.height,
    text: (row) => (row.width && row.height ? `${row.width} × ${row.height}` : ''),
  },
  { key: 'seconds', label: 'Time', numeric: true, value: (row) => row.seconds, text: (row) => seconds(row.seconds) },
  {
    key: 'psnr',
    label: 'PSNR',
    numeric: true,
    value: (row) => (row.psnr === null ? Infinity : row.psnr),
    text: (row) => (row.psnr === undefined ? '' : decibels(row.psnr)),
  },
  { key: 'ssim', label: 'SSIM', numeric: true, value: (row) => row.ssim, text: (row) => row.ssim?.toFixed(3) ?? '' },
  { key: 'seed', label: 'Seed', numeric: true, value: (row) => row.seed, text: (row) => String(row.seed ?? '') },
  { key: 'sigma', label: 'Noise', numeric: true, value: (row) => row.sigma, text: noise },
];
const METRICS = ['psnr', 'ssim'];
/** Of a column that not every run has, whether this one is to be seen. A noise level that was given stands among the settings. */
const isTold = ({ key, value }) => {
  if (key === 'sigma') return rows.some((row) => row.sigmaEstimated);
  return !METRICS.includes(key) || rows.some((row) => value(row) !== undefined);
};
const columns = everyColumn.filter(isTold);

const collator = new Intl.Collator('en', { numeric: true });
/** The rows by the value of a column; those without one come last either way. */
function sorted({ key, descending }) {
  const { value } = columns.find((column) => column.key === key) ?? columns[0];
  return rows.toSorted((a, b) => {
    const [p, q] = [value(a), value(b)];
    if (p === undefined || q === undefined) return Number(p === undefined) - Number(q === undefined);
    const compared = typeof p === 'string' ? collator.compare(p, String(q)) : p - Number(q);
    return descending ? -compared : compared;
  });
}

const thumbnail = (row, kind) => (row.pictures.includes(kind) ? `latino-report/${row.id}-${kind}.webp` : undefined);
const pictures = (row) => ({
  name: row.input,
  before: thumbnail(row, 'before'),
  after: thumbnail(row, 'after'),
  width: row.width,
  height: row.height,
});

/** What there is to say of an image beside its name, in pairs of a name and a value. */
const facts = (row) =>
  [
    ...columns.slice(1).map(({ label, text }) => [label, text(row)]),
    ['Error', row.error ? `${row.error.message} [${row.error.code}]` : ''],
    ...(row.warnings ?? []).map((warning) => ['Warning', warning]),
    ['Input', inputs + row.input],
    ['Output', row.output],
  ].filter(([, value]) => value !== '');

/** Opens the picture at a place of a list, through which the viewer then goes. */
function look(list, index) {
  byId('viewer').open(index, list.length, (at) => {
    const row = list[at];
    return { name: row.input, pictures: pictures(row), facts: facts(row), href: row.href, link: 'Open the restored file' };
  });
}

const view = { kind: 'table', status: 'all', text: '', sort: { key: 'input', descending: false }, page: 0 };
/** What the view finds, in its order. */
let found = rows;

/** @param {PageRow} row */
function isFound({ input, status, warnings, error }) {
  if (view.status === 'warned' ? !warnings : view.status !== 'all' && status !== view.status) return false;
  const text = view.text.toLowerCase();
  return [input, error?.message, error?.code].some((value) => value?.toLowerCase().includes(text));
}

/** @param {Partial<typeof view>} changes */
function changeView(changes) {
  Object.assign(view, { page: 0 }, changes);
  found = sorted(view.sort).filter(isFound);
  const { elements } = byId('controls');
  Object.assign(elements.kind, { value: view.kind });
  elements.status.value = view.status;
  elements.text.value = view.text;
  elements.sort.value = `${view.sort.key} ${view.sort.descending ? 'down' : 'up'}`;
  showPage();
}

function showPage() {
  const first = view.page * PAGE_SIZE;
  const shown = found.slice(first, first + PAGE_SIZE);
  const asTable = view.kind === 'table';
  byId('table').hidden = !asTable;
  byId('grid').hidden = asTable;
  if (asTable)
    byId('table').show(shown, { columns, sort: view.sort, thumbnail: (row) => thumbnail(row, 'after') ?? thumbnail(row, 'before') });
  else byId('grid').show(shown, { pictures, caption });
  const range = `${count(first + 1)} to ${count(first + shown.length)} of ${count(found.length)}`;
  byId('place').textContent = found.length === 0 ? 'No image' : range;
  byId('previous').disabled = view.page === 0;
  byId('next').disabled = first + PAGE_SIZE >= found.length;
}

/** Size and time say by themselves what they are. */
function caption(row) {
  const said = columns.filter(({ key }) => key === 'size' || key === 'seconds').map(({ text }) => text(row));
  const named = columns.filter(({ key }) => METRICS.includes(key)).map(({ label, text }) => text(row) && `${label} ${text(row)}`);
  return [...said, ...named].filter(Boolean).join(' · ');
}

function turnPage(pages) {
  view.page += pages;
  showPage();
  byId('images').scrollIntoView();
}

function wireList() {
  const controls = byId('controls');
  const { elements } = controls;
  for (const { key, label } of columns)
    elements.sort.append(new Option(`${label} ↑`, `${key} up`), new Option(`${label} ↓`, `${key} down`));
  controls.addEventListener('input', () => {
    const [key, direction] = elements.sort.value.split(' ');
    const [kind, status, text] = [elements.kind.value, elements.status.value, elements.text.value];
    changeView({ kind, status, text, sort: { key, descending: direction === 'down' } });
  });
  controls.addEventListener('submit', (event) => event.preventDefault());
  byId('table').addEventListener('sort', ({ detail: key }) =>
    changeView({ sort: { key, descending: view.sort.key === key && !view.sort.descending } }),
  );
  for (const list of [byId('table'), byId('grid')])
    list.addEventListener('open', ({ detail }) => look(found, view.page * PAGE_SIZE + detail));
  byId('previous').addEventListener('click', () => turnPage(-1));
  byId('next').addEventListener('click', () => turnPage(1));
  byId('omitted').hidden = rows.length === totals.images;
  byId('omitted').textContent =
    `${count(rows.length)} of ${count(totals.images)} images are listed: those that failed, the slowest, those farthest from the reference, then the first by name. The journal has them all.`;
}

/** A few images of a list that stand out, and a button that lists all. */
function showStandingOut(id, list, value, all) {
  byId(id).hidden = list.length === 0;
  const few = byId(`${id}-list`);
  few.show(list.slice(0, STANDING_OUT).map((row) => ({ name: row.input, value: value(row), bad: row.status === 'failed' })));
  few.addEventListener('open', ({ detail }) => look(list, detail));
  byId(`show-${id}`).addEventListener('click', () => {
    changeView({ text: '', status: 'all', ...all });
    byId('images').scrollIntoView();
  });
}

function showSummary() {
  document.title = title;
  byId('title').textContent = title;
  byId('subtitle').textContent = `latino-native ${version}, ${date(made)}`;
  const medians = histograms.map(({ metric, label, median }) => {
    const text = { seconds, psnr: decibels, ssim: (value) => value.toFixed(3) }[metric];
    return [`${label}, median`, text(median)];
  });
  const tiles = [
    ['Restored', count(totals.done)],
    ['Failed', count(totals.failed), totals.failed > 0 ? 'bad' : ''],
    ...(totals.warned > 0 ? [['With warnings', count(totals.warned), 'warned']] : []),
    ...medians,
  ];
  for (const [term, value, className] of tiles) {
    const tile = document.createElement('div');
    tile.append(element('dt', term), element('dd', value, className));
    byId('tiles').append(tile);
  }

  const [bySeconds, byPsnr] = [
    { key: 'seconds', descending: true },
    { key: 'psnr', descending: false },
  ];
  const failed = rows.filter(({ status }) => status === 'failed');
  const slowest = sorted(bySeconds).filter(({ status }) => status === 'done');
  const farthest = sorted(byPsnr).filter(({ psnr }) => psnr !== undefined);
  showStandingOut('failed', failed, ({ error }) => error?.message ?? '', { status: 'failed' });
  showStandingOut('slowest', slowest, (row) => seconds(row.seconds), { sort: bySeconds });
  showStandingOut('farthest', farthest, (row) => decibels(row.psnr), { sort: byPsnr });

  byId('distributions').hidden = histograms.length === 0;
  for (const histogram of histograms) {
    const drawn = /** @type {any} */ (document.createElement('value-histogram'));
    byId('histograms').append(drawn);
    drawn.show(histogram);
  }
}

function showRuns() {
  for (const [index, { startedAt, parameters }] of runs.entries()) {
    const list = element('dl', '', 'facts');
    list.append(...parameters.flatMap(([name, value]) => [element('dt', name), element('dd', value)]));
    const details = Object.assign(document.createElement('details'), { open: index === 0 });
    details.append(element('summary', index === 0 ? `The last run, ${date(startedAt)}` : date(startedAt)), list);
    byId('runs').append(details);
  }
}

/** @param {string} tag @param {string} textContent @param {string} [className] */
function element(tag, textContent, className = '') {
  return Object.assign(document.createElement(tag), { textContent, className });
}

showSummary();
wireList();
changeView({});
showRuns();
