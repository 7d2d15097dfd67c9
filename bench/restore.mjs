// Times one warm 8-step restoration of a portrait and its components: node bench/restore.mjs [--json]
// Figures are medians of one run on one machine; compare ratios within a run, never seconds across machines.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { loadAddon } from '../dist/device/load.js';
import { writeImage } from '../dist/image/index.js';
import { Latino, readImage, superResolution } from '../dist/index.js';
import { buildOperator } from '../dist/operators/index.js';
import { loadModel } from '../dist/prior/load_model.js';
import { median } from './median.mjs';

const STEPS = 8;
const folder = fileURLToPath(new URL('../models/portraits-lcm', import.meta.url));

async function time(device, call, repeats = 30) {
  const times = [];
  for (let i = 0; i < repeats; i++) {
    const begun = performance.now();
    for (const tensor of [call()].flat()) tensor.dispose();
    await device.synchronize();
    times.push(performance.now() - begun);
  }
  return median(times);
}

const addon = loadAddon();
const device = addon.openDevice('cpu');
const model = await loadModel(addon, device, folder);
const c = await model.condition(['a portrait of a person']);
const operator = buildOperator(addon, device, superResolution({ factor: 8 }), { height: 128, width: 128 });
const x = device.full([1, 3, 128, 128], 0.1);
const z = device.randn([1, 8, 16, 16], 1, 0);
const y = operator.forward(x);
const gamma = device.full([1], 100);
const calls = {
  encoder: () => model.encode(x),
  unet: () => model.predictNoise(z, 499, c),
  decoder: () => model.decode(z, 128, 128),
  prox: () => {
    const residual = operator.residual(x, y);
    return [operator.errorVariance(residual, 0.02, 0.5), operator.proxFromResidual(x, residual, gamma), residual];
  },
  noise: () => device.randn([1, 8, 16, 16], 1, 1),
};
const components = {};
for (const [name, call] of Object.entries(calls)) components[name] = await time(device, call);

const latino = await Latino.load({ model: 'portraits', device: 'cpu' });
const clean = await readImage(`${folder}/samples/03.png`, { channels: 3 });
const options = { operator: superResolution({ factor: 8 }), sigma: 0.01, steps: STEPS };
const { image } = await latino.degrade(clean, options);
await latino.restore(image, options);
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const { unet, encoder, decoder } = latino.model.parts;
const inNetworks = () => 1000 * [unet, encoder, decoder].reduce((sum, session) => sum + session.busySeconds, 0);
const whole = [];
const outside = [];
for (let i = 0; i < 20; i++) {
  const begun = performance.now();
  const busy = inNetworks();
  await latino.restore(image, { ...options, seed: i });
  const milliseconds = performance.now() - begun;
  whole.push(milliseconds);
  outside.push((milliseconds - (inNetworks() - busy)) / milliseconds);
}
delay.disable();
const restoration = median(whole);
const report = {
  steps: STEPS,
  milliseconds: { ...components, restoration },
  outsideNetworks: median(outside),
  eventLoopDelayP99: delay.percentile(99) / 1e6,
};

/** `latino-native restore` from the shell, as a process of its own. */
function cold() {
  const output = join(tmpdir(), `latino-cold-${process.pid}.png`);
  const hook = "data:text/javascript,process.on('exit',()=>console.error(process.resourceUsage().maxRSS))";
  const command = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
  const args = ['--import', hook, command, 'restore', measurement, '--task', 'sr:8', '--sigma', '0.01', '-o', output];
  const begun = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  const seconds = (performance.now() - begun) / 1000;
  rmSync(output, { force: true });
  if (status !== 0) throw new Error(stderr);
  return { seconds, maxRssMiB: Number(stderr.trim()) / 1024 };
}
const measurement = join(tmpdir(), `latino-measurement-${process.pid}.png`);
await writeImage(measurement, image);
const colds = Array.from({ length: 5 }, cold);
rmSync(measurement);
report.cold = { seconds: median(colds.map(({ seconds }) => seconds)), maxRssMiB: median(colds.map(({ maxRssMiB }) => maxRssMiB)) };

async function rssAfter(runs) {
  for (let i = 0; i < runs; i++) await latino.restore(image, { ...options, steps: 2 });
  globalThis.gc?.();
  return process.memoryUsage().rss / 2 ** 20;
}
report.rssMiB = { after20: await rssAfter(20), after200: await rssAfter(180) };

if (process.argv.includes('--json')) console.log(JSON.stringify(report));
else {
  console.log('component      ms a call   share of a restoration');
  for (const [name, ms] of Object.entries(components)) {
    console.log(`${name.padEnd(12)} ${ms.toFixed(2).padStart(11)} ${`${((100 * STEPS * ms) / restoration).toFixed(1)} %`.padStart(24)}`);
  }
  console.log(
    `restoration of ${STEPS} steps: ${restoration.toFixed(0)} ms, outside the networks ${(100 * report.outsideNetworks).toFixed(1)} %`,
  );
  console.log(`from the shell: ${report.cold.seconds.toFixed(2)} s, at most ${report.cold.maxRssMiB.toFixed(0)} MiB`);
  console.log(`event-loop delay, 99th percentile: ${report.eventLoopDelayP99.toFixed(1)} ms`);
  console.log(
    `resident memory after 20 and 200 restorations: ${report.rssMiB.after20.toFixed(0)}, ${report.rssMiB.after200.toFixed(0)} MiB`,
  );
}
for (const tensor of [x, z, y, gamma]) tensor.dispose();
c[Symbol.dispose]();
await model.dispose();
await latino.dispose();
