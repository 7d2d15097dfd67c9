// Times the operators, one step of the solver each: forward, residual, empirical-Bayes variance, proximal point; and how long they take to build.
// node bench/operators.mjs [--only <part of a name>] [--baseline <another latino.node>] [--json]
// A blur's step (residual and proximal point) beside a reflecting border is also given in steps of the same kernel with a circular one.
// With a baseline the two addons alternate in one run. Ratios are of CPU time, which holds on a machine that others use, too.
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { loadAddon, runtimeLibrary } from '../dist/device/load.js';
import { buildOperator, convolution, parseOperator } from '../dist/operators/index.js';
import { median } from './median.mjs';

const { values: flags } = parseArgs({
  options: { only: { type: 'string', default: '' }, baseline: { type: 'string' }, json: { type: 'boolean' } },
});
const GAMMA = 500;
const SIGMA = 0.02;
const MOTION = 'deblur:motion:25:30';
const [square, quarter] = [
  [1024, 1024],
  [256, 256],
];
/** What is slow, now or before, is run once. */
const CASES = [
  ...['denoise', 'inpaint:box:10:10:50:60', 'sr:8'].map((spec) => ({ spec, size: square, channels: 3 })),
  { spec: MOTION, size: square, channels: 3 },
  { spec: MOTION, size: square },
  { spec: MOTION, size: [1009, 1009], repeats: 1 },
  { spec: MOTION, size: [480, 854] },
  { spec: MOTION, size: [480, 853], repeats: 1 },
  { spec: MOTION, size: [2039, 2039], before: false }, // it takes minutes
  { spec: 'deblur:gaussian:3,boundary=reflect', size: square, channels: 3 },
  { spec: 'deblur:gaussian:3,boundary=reflect', size: [2048, 2048], channels: 3, repeats: 1 },
  { spec: `${MOTION},boundary=reflect`, size: quarter, repeats: 1 },
  { spec: `${MOTION},boundary=reflect`, size: square, gamma: 100, repeats: 1 },
  { spec: `${MOTION},boundary=reflect`, size: square, repeats: 1 },
  { spec: `${MOTION},boundary=reflect`, size: square, gamma: 2500, repeats: 1 },
  { spec: `${MOTION},boundary=reflect`, size: quarter, gamma: 1e6, sigma: 1e-3, repeats: 1 },
  ...['motion:25:0', 'motion:25:30', 'motion:25:45', 'random 15 x 15'].flatMap((kernel) =>
    [10, 100, 500, 2500].map((gamma) => ({ spec: `deblur:${kernel},boundary=reflect`, size: square, channels: 3, gamma, circular: true })),
  ),
];
const PARTS = ['build', 'forward', 'residual', 'variance', 'prox'];

const addons = { now: loadAddon() };
if (flags.baseline) {
  addons.baseline = createRequire(import.meta.url)(flags.baseline);
  addons.baseline.openRuntime(runtimeLibrary());
}

/** Wall and CPU time, in milliseconds, and what the work came to. */
async function timed(work) {
  const [begun, used] = [performance.now(), process.cpuUsage()];
  const result = await work();
  const { user, system } = process.cpuUsage(used);
  return { wall: performance.now() - begun, cpu: (user + system) / 1e3, result };
}

/** Of the work that a tensor is the result of. */
const computed = (work) =>
  timed(async () => {
    const tensor = work();
    await tensor.ready();
    return tensor;
  });

/** A kernel of 15 x 15 irregular taps, or what the spelling says. */
async function descriptorOf(spec, boundary) {
  if (!spec.startsWith('deblur:random 15 x 15')) return parseOperator(boundary ? spec.replace('reflect', boundary) : spec);
  const values = Array.from({ length: 225 }, (_, i) => ((i * 7919) % 104729) % 97);
  const sum = values.reduce((total, value) => total + value, 0);
  return convolution({ taps: { height: 15, width: 15, values: values.map((value) => value / sum) }, boundary: boundary ?? 'reflect' });
}

async function prepare(addon, { spec, boundary, size: [height, width], channels = 1, gamma = GAMMA, sigma = SIGMA }) {
  const device = addon.openDevice('cpu');
  const [x, wrong] = [0, 1].map((call) => device.randn([1, channels, height, width], 1, call));
  const z = addon.linearCombination(1, x, 0.15, wrong);
  const descriptor = await descriptorOf(spec, boundary);
  let operator;
  // Until the first residual, which waits for whatever has to be prepared.
  const build = await computed(() => {
    operator = buildOperator(addon, device, descriptor, { height, width });
    const clean = operator.forward(x);
    return operator.residual(z, clean);
  });
  const clean = operator.forward(x);
  const y = addon.linearCombination(1, clean, sigma, device.randn(clean.shape, 1, 2));
  await y.ready();
  return async () => {
    const forward = await computed(() => operator.forward(x));
    const residual = await computed(() => operator.residual(z, y));
    const variance = await computed(() => operator.errorVariance(residual.result, sigma, 1e-3));
    const prox = await computed(() => operator.proxFromResidual(z, residual.result, gamma, sigma));
    for (const { result } of [forward, residual, variance, prox]) result.dispose();
    return { build, forward, residual, variance, prox };
  };
}

const rows = [];
if (!flags.json) console.log('channels x height x width; milliseconds of CPU time');
for (const each of CASES.filter(({ spec }) => spec.includes(flags.only))) {
  const names = Object.keys(addons).filter((name) => name === 'now' || each.before !== false);
  const runs = {};
  for (const name of names) runs[name] = await prepare(addons[name], each);
  if (each.circular) runs.circular = await prepare(addons.now, { ...each, boundary: 'circular' });
  const times = Object.fromEntries(Object.keys(runs).map((name) => [name, []]));
  for (let repeat = 0; repeat < (each.repeats ?? 3); ++repeat) {
    for (const name of Object.keys(runs)) {
      // What was there before takes long, and is compared with what a circular blur takes.
      if (name !== 'baseline' || !each.circular || repeat === 0) times[name].push(await runs[name]());
    }
  }
  const { spec, size, channels = 1, gamma = GAMMA } = each;
  const of = (name, part, kind) => times[name] && median(times[name].map((time) => time[part][kind]));
  for (const part of PARTS) {
    const [now, before] = ['now', 'baseline'].map((name) => ({ milliseconds: of(name, part, 'wall'), cpu: of(name, part, 'cpu') }));
    const ratio = before.cpu / now.cpu;
    rows.push({ operator: spec, size: [channels, ...size], gamma, part, ...now, ...(before.cpu && { before, ratio }) });
    const compared = before.cpu ? `   before ${before.cpu.toFixed(1).padStart(9)}   ${ratio.toFixed(2)} times as fast` : '';
    const name = `${spec.padEnd(36)} ${[channels, ...size].join(' x ').padStart(15)}  gamma ${String(gamma).padEnd(7)} ${part.padEnd(9)}`;
    if (!flags.json) console.log(`${name} ${now.cpu.toFixed(1).padStart(9)}${compared}`);
  }
  if (each.circular) {
    const step = (name) => of(name, 'residual', 'cpu') + of(name, 'prox', 'cpu');
    const [now, before] = ['now', 'baseline'].map((name) => times[name] && step(name) / step('circular'));
    rows.push({ operator: spec, size: [channels, ...size], gamma, part: 'circular steps', now, ...(before && { before }) });
    const compared = before ? `   before ${before.toFixed(1)}` : '';
    if (!flags.json) console.log(`${spec.padEnd(36)} gamma ${String(gamma).padEnd(7)} ${now.toFixed(1)} circular steps${compared}`);
  }
}
if (flags.json) console.log(JSON.stringify({ rows }, null, 1));
