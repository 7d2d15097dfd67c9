// Times the operators on a large image, one step of the solver each: residual, empirical-Bayes variance, proximal point.
// node bench/operators.mjs [--size 1024] [--baseline <another latino.node>] [--json]
// With a baseline the two addons alternate in one run, so that their ratio holds where the seconds do not.
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { loadAddon, runtimeLibrary } from '../dist/device/load.js';
import { buildOperator, parseOperator } from '../dist/operators/index.js';
import { median } from './median.mjs';

const { values: flags } = parseArgs({
  options: { size: { type: 'string', default: '1024' }, baseline: { type: 'string' }, json: { type: 'boolean' } },
});
const size = Number(flags.size);
const REPEATS = 3;
const SPECS = [
  'denoise',
  'inpaint:box:10:10:50:60',
  'sr:8',
  'deblur:gaussian:3',
  'deblur:gaussian:3,boundary=reflect',
  'deblur:motion:25:30',
];
const ITERATIVE = ['deblur:motion:25:30,boundary=reflect']; // conjugate gradients: once, on a quarter of the width and height

const addons = { now: loadAddon() };
if (flags.baseline) {
  addons.baseline = createRequire(import.meta.url)(flags.baseline);
  addons.baseline.openRuntime(runtimeLibrary());
}

async function prepare(addon, spec, side) {
  const image = [1, 3, side, side];
  const device = addon.openDevice('cpu');
  const operator = buildOperator(addon, device, await parseOperator(spec), { height: side, width: side });
  const [x, z] = [0, 1].map((call) => device.randn(image, 1, call));
  const y = operator.forward(x);
  await y.ready();
  const timed = async (work) => {
    const begun = performance.now();
    const tensor = work();
    await tensor.ready();
    return [performance.now() - begun, tensor];
  };
  return async () => {
    const [applied, seen] = await timed(() => operator.forward(x));
    const [analysed, residual] = await timed(() => operator.residual(z, y));
    const [estimated, variance] = await timed(() => operator.errorVariance(residual, 0.02, 1e-3));
    const [solved, prox] = await timed(() => operator.proxFromResidual(z, residual, 100));
    for (const tensor of [seen, residual, variance, prox]) tensor.dispose();
    return { forward: applied, residual: analysed, variance: estimated, prox: solved };
  };
}

const rows = [];
if (!flags.json) console.log('three channels; milliseconds');
for (const spec of [...SPECS, ...ITERATIVE]) {
  const side = ITERATIVE.includes(spec) ? size / 4 : size;
  const runs = {};
  for (const [name, addon] of Object.entries(addons)) runs[name] = await prepare(addon, spec, side);
  const times = Object.fromEntries(Object.keys(addons).map((name) => [name, []]));
  for (let repeat = 0; repeat < (ITERATIVE.includes(spec) ? 1 : REPEATS); ++repeat) {
    for (const name of Object.keys(addons)) times[name].push(await runs[name]());
  }
  for (const part of ['forward', 'residual', 'variance', 'prox']) {
    const now = median(times.now.map((time) => time[part]));
    const baseline = times.baseline && median(times.baseline.map((time) => time[part]));
    rows.push({ operator: spec, side, part, milliseconds: now, ...(baseline && { baseline, ratio: baseline / now }) });
    const compared = baseline ? `   before ${baseline.toFixed(1).padStart(9)}   ${(baseline / now).toFixed(2)} times as fast` : '';
    if (!flags.json)
      console.log(`${spec.padEnd(36)} ${String(side).padStart(5)}² ${part.padEnd(9)} ${now.toFixed(1).padStart(9)}${compared}`);
  }
}
if (flags.json) console.log(JSON.stringify({ rows }));
