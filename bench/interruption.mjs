// How soon an abort takes effect: node bench/interruption.mjs [--json]
// A load, restorations and a calibration of the embedded model are aborted at moments spread evenly over them; what is timed is from the abort
// to the rejection, and from the abort until the device has nothing more of it to do.
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Latino, motionBlur, superResolution } from '../dist/index.js';
import { median } from './median.mjs';

const MOMENTS = 20;
const sample = fileURLToPath(new URL('../models/portraits-lcm/samples/00.png', import.meta.url));
const sr8 = { operator: superResolution({ factor: 8 }), sigma: 0.01 };
const reflect = { operator: motionBlur({ length: 15, angle: 30, boundary: 'reflect' }), sigma: 0.01 };

const latino = await Latino.load({ model: 'portraits', device: 'cpu' });
const small = (await latino.degrade(sample, sr8)).image;
const blurred = (await latino.degrade(sample, reflect)).image;
const works = {
  load: (signal) => Latino.load({ model: 'portraits', device: 'cpu', signal }).then((loaded) => loaded.dispose()),
  'restoration, sr:8': (signal) => latino.restore(small, { ...sr8, signal }),
  'restoration, conjugate gradients': (signal) => latino.restore(blurred, { ...reflect, signal }),
  calibration: (signal) => latino.calibrate([small], { ...sr8, settings: { passes: 3 }, signal }),
};

async function milliseconds(work) {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

const rows = [];
for (const [name, begin] of Object.entries(works)) {
  await begin();
  const whole = await milliseconds(() => begin());
  const rejected = [];
  const idle = [];
  for (let k = 0; k < MOMENTS; k++) {
    const controller = new AbortController();
    const work = begin(controller.signal).catch(() => undefined);
    await sleep((k / MOMENTS) * whole);
    const begun = performance.now();
    controller.abort();
    await work;
    rejected.push(performance.now() - begun);
    await latino.device.synchronize();
    idle.push(performance.now() - begun);
  }
  rows.push({
    name,
    whole,
    rejected: { median: median(rejected), max: Math.max(...rejected) },
    idle: { median: median(idle), max: Math.max(...idle) },
  });
}
await latino.dispose();

if (process.argv.includes('--json')) console.log(JSON.stringify({ moments: MOMENTS, rows }));
else {
  console.log(`${'aborted'.padEnd(34)} ms whole   rejected after, median and max   device free after, median and max`);
  for (const { name, whole, rejected, idle } of rows) {
    const cells = [whole, rejected.median, rejected.max, idle.median, idle.max].map((ms, i) =>
      ms.toFixed(1).padStart([8, 18, 14, 20, 15][i]),
    );
    console.log(`${name.padEnd(34)} ${cells.join(' ')}`);
  }
}
