// What a process takes: node bench/resources.mjs [--before CHECKOUT] [--group FOLDER] [--only NAME,...] [--json]
// Many prompts at once; memory around a large picture; threads, and with --group the folder of a control group with a quota of processor time,
// which each process then joins, how long a restoration takes in it; restorations that follow each other at once and after a pause. With
// --before the same is measured of another built checkout, in turns; each measurement is a process of its own. Medians of one run on one machine.
import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { median } from './median.mjs';

const ROUNDS = 5;
const PROMPTS = 64;
const here = fileURLToPath(new URL('..', import.meta.url));

const grey = (size) => ({ width: size, height: size, channels: 3, data: new Float32Array(3 * size * size).fill(0.5) });
/** Milliseconds of each of `repeats` restorations, and processor time of all, after one that is not counted. */
async function restorations({ Latino, denoising }, size, { steps, repeats, pause = 0, threads }) {
  const latino = await Latino.load({ model: 'portraits', device: 'cpu', threads });
  const options = { operator: denoising(), sigma: 0.1, steps };
  const image = grey(size);
  await latino.restore(image, options);
  const times = [];
  const begun = process.cpuUsage();
  for (let i = 0; i < repeats; i++) {
    if (pause > 0) await setTimeout(pause);
    const start = performance.now();
    await latino.restore(image, options);
    times.push(performance.now() - start);
  }
  const { user, system } = process.cpuUsage(begun);
  return { times, processor: (user + system) / 1000 / repeats };
}

const measures = {
  async prompts({ Latino, denoising }) {
    const latino = await Latino.load({ model: 'portraits', device: 'cpu' });
    const options = { operator: denoising(), sigma: 0.1, steps: 1 };
    await latino.restore(grey(16), options);
    const before = process.resourceUsage().maxRSS;
    const begun = performance.now();
    await Promise.all(
      Array.from({ length: PROMPTS }, (_, i) => latino.restore(grey(16), { ...options, prompt: `a portrait, number ${i}` })),
    );
    const seconds = (performance.now() - begun) / 1000;
    return { seconds, addedMiB: (process.resourceUsage().maxRSS - before) / 1024 };
  },
  /** MiB, resident. */
  async memory({ Latino, denoising }) {
    const level = async () => {
      for (let i = 0; i < 4; i++) {
        globalThis.gc();
        await setTimeout(150);
      }
      return process.memoryUsage.rss() / 2 ** 20;
    };
    const before = await level();
    const latino = await Latino.load({ model: 'portraits', device: 'cpu' });
    const loaded = await level();
    await latino.restore(grey(768), { operator: denoising(), sigma: 0.1, steps: 2 });
    const restored = await level();
    await latino.dispose();
    const disposed = await level();
    return { before, loaded, restored, disposed, highest: process.resourceUsage().maxRSS / 1024 };
  },
  async oneThread(library) {
    const running = () => readdirSync('/proc/self/task').length;
    const before = running();
    const { times, processor } = await restorations(library, 128, { steps: 8, repeats: 4, threads: 1 });
    return { threads: running() - before, coresUsed: processor / (times.reduce((sum, time) => sum + time) / times.length) };
  },
  async inQuota(library) {
    const { times } = await restorations(library, 128, { steps: 8, repeats: 10 });
    return { milliseconds: median(times) };
  },
  async warm(library) {
    const { times, processor } = await restorations(library, 128, { steps: 8, repeats: 20 });
    return { milliseconds: median(times), least: Math.min(...times), processor };
  },
  async warmLarge(library) {
    const { times, processor } = await restorations(library, 768, { steps: 2, repeats: 3 });
    return { milliseconds: median(times), least: Math.min(...times), processor };
  },
  async afterPause(library) {
    const { times, processor } = await restorations(library, 128, { steps: 8, repeats: 10, pause: 500 });
    return { milliseconds: median(times), least: Math.min(...times), processor };
  },
};

const argument = (name) => {
  const index = process.argv.indexOf(name);
  return index < 0 ? undefined : process.argv[index + 1];
};
const group = argument('--group');

const child = argument('--child');
if (child) {
  if (child === 'inQuota') writeFileSync(resolve(group, 'cgroup.procs'), String(process.pid));
  const library = await import(pathToFileURL(resolve(argument('--checkout'), 'dist/index.js')).href);
  console.log(JSON.stringify(await measures[child](library)));
  process.exit(0);
}

function measure(name, checkout) {
  const args = [
    '--expose-gc',
    fileURLToPath(import.meta.url),
    '--child',
    name,
    '--checkout',
    checkout,
    ...(group ? ['--group', group] : []),
  ];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

const before = argument('--before');
const checkouts = { ...(before && { before: resolve(before) }), after: here };
const names = argument('--only')?.split(',') ?? Object.keys(measures).filter((name) => group || name !== 'inQuota');
const results = {};
for (const name of names) {
  const rounds = Object.fromEntries(Object.keys(checkouts).map((when) => [when, []]));
  for (let i = 0; i < ROUNDS; i++) for (const [when, checkout] of Object.entries(checkouts)) rounds[when].push(measure(name, checkout));
  const medians = (list) => Object.fromEntries(Object.keys(list[0]).map((key) => [key, median(list.map((each) => each[key]))]));
  results[name] = Object.fromEntries(Object.entries(rounds).map(([when, list]) => [when, medians(list)]));
}
if (process.argv.includes('--json')) console.log(JSON.stringify({ rounds: ROUNDS, prompts: PROMPTS, ...results }, null, 1));
else
  for (const [name, times] of Object.entries(results))
    for (const [when, values] of Object.entries(times)) {
      const row = Object.entries(values).map(([key, value]) => `${key} ${value.toFixed(value < 10 ? 2 : 0)}`);
      console.log(`${name.padEnd(10)} ${when.padEnd(6)} ${row.join(', ')}`);
    }
