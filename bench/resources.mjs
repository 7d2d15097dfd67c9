// What a process takes: node bench/resources.mjs [--before CHECKOUT] [--json]
// Many prompts at once, and a model that was told to use one thread. With --before the same is measured of another built checkout, in turns; each
// measurement is a process of its own. Medians and ratios of one run on one machine.
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { median } from './median.mjs';

const ROUNDS = 5;
const PROMPTS = 64;
const here = fileURLToPath(new URL('..', import.meta.url));

const measures = {
  async prompts({ Latino, denoising }) {
    const latino = await Latino.load({ device: 'cpu' });
    const image = { width: 16, height: 16, channels: 3, data: new Float32Array(3 * 256) };
    const options = { operator: denoising(), sigma: 0.1, steps: 1 };
    await latino.restore(image, options);
    const before = process.resourceUsage().maxRSS;
    const begun = performance.now();
    await Promise.all(Array.from({ length: PROMPTS }, (_, i) => latino.restore(image, { ...options, prompt: `a portrait, number ${i}` })));
    const seconds = (performance.now() - begun) / 1000;
    return { seconds, addedMiB: (process.resourceUsage().maxRSS - before) / 1024 };
  },
  async oneThread({ Latino, denoising }) {
    const latino = await Latino.load({ device: 'cpu', threads: 1 });
    const image = { width: 128, height: 128, channels: 3, data: new Float32Array(3 * 128 * 128) };
    const options = { operator: denoising(), sigma: 0.1 };
    await latino.restore(image, options);
    const [begun, cpu] = [performance.now(), process.cpuUsage()];
    for (let i = 0; i < 4; i++) await latino.restore(image, { ...options, seed: i });
    const { user, system } = process.cpuUsage(cpu);
    return { coresUsed: (user + system) / 1000 / (performance.now() - begun) };
  },
};

const argument = (name) => {
  const index = process.argv.indexOf(name);
  return index < 0 ? undefined : process.argv[index + 1];
};

const child = argument('--child');
if (child) {
  const library = await import(pathToFileURL(resolve(argument('--checkout'), 'dist/index.js')).href);
  console.log(JSON.stringify(await measures[child](library)));
  process.exit(0);
}

function measure(name, checkout) {
  const args = [fileURLToPath(import.meta.url), '--child', name, '--checkout', checkout];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

const before = argument('--before');
const checkouts = { ...(before && { before: resolve(before) }), after: here };
const results = {};
for (const name of Object.keys(measures)) {
  const rounds = Object.fromEntries(Object.keys(checkouts).map((when) => [when, []]));
  for (let i = 0; i < ROUNDS; i++) for (const [when, checkout] of Object.entries(checkouts)) rounds[when].push(measure(name, checkout));
  const medians = (list) => Object.fromEntries(Object.keys(list[0]).map((key) => [key, median(list.map((each) => each[key]))]));
  results[name] = Object.fromEntries(Object.entries(rounds).map(([when, list]) => [when, medians(list)]));
}
if (process.argv.includes('--json')) console.log(JSON.stringify({ rounds: ROUNDS, prompts: PROMPTS, ...results }));
else {
  for (const [when, { seconds, addedMiB }] of Object.entries(results.prompts))
    console.log(`${PROMPTS} new prompts at once, ${when.padEnd(6)}: ${seconds.toFixed(2)} s, ${addedMiB.toFixed(0)} MiB more`);
  for (const [when, { coresUsed }] of Object.entries(results.oneThread))
    console.log(`threads: 1, ${when.padEnd(6)}: ${coresUsed.toFixed(2)} cores used`);
}
