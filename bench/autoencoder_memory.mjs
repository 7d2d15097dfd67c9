// Memory and time of an autoencoder of Stable Diffusion's widths, as a whole and in bands:
//   node bench/autoencoder_memory.mjs [--sizes 512,1024,3000x4000] [--ways whole,low] [--json]
// Its weights are random, of the size that keeps activations near 1. Each pass is the first of a process of its own: reading and packing weights
// are part of it, and the peak is that of the process. Without --ways pictures of more than a megapixel are not tried as a whole. `processor` is
// the time of all threads, which others on the machine do not lengthen as they do `seconds`. Differences are relative to the largest value.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { encodeSafetensors } from '../dist/checkpoint/encode_safetensors.js';
import { openSafetensors } from '../dist/checkpoint/safetensors.js';
import { loadAddon } from '../dist/device/load.js';
import { compile } from '../dist/graph/compile.js';
import { cpu } from '../dist/graph/targets/cpu/cpu.js';
import { AutoencoderKLConfig, klDecoderGraph, klEncoderGraph } from '../dist/networks/autoencoder_kl.js';
import { ImageNetwork } from '../dist/prior/image_network.js';

const config = AutoencoderKLConfig.parse({ block_out_channels: [128, 256, 512, 512], layers_per_block: 2 });
const GRAPHS = { encode: klEncoderGraph, decode: klDecoderGraph };
const BUDGETS = { whole: { wanted: Infinity, most: Infinity }, low: { wanted: 0, most: Infinity }, least: { wanted: 0, most: 0 } };
const GIB = 2 ** 30;

/** A .safetensors file with weights of these names and shapes. */
function writeWeights(path) {
  let seed = 1;
  const uniform = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 31 - 1;
  };
  const tensors = {};
  const store = {
    has: (name) => !/\.(query|key|value|proj_attn)\./.test(name),
    get(name, shape) {
      const count = shape.reduce((product, n) => product * n, 1);
      const isScale = shape.length === 1 && name.includes('norm') && name.endsWith('.weight');
      const deviation = shape.length > 1 ? Math.sqrt(3 / (count / shape[0])) : 0.1;
      tensors[name] = { shape, data: Float32Array.from({ length: count }, () => (isScale ? 1 : deviation * uniform())) };
      return { dtype: 'F32', shape, path, offset: 0, length: 0 };
    },
  };
  for (const build of Object.values(GRAPHS)) build(config, store);
  writeFileSync(path, encodeSafetensors(tensors));
}

async function pass(path, kind, way, height, width) {
  const { tensors } = await openSafetensors(path);
  const store = { has: (name) => tensors.has(name), get: (name) => tensors.get(name) };
  const graph = GRAPHS[kind](config, store, { clip: true });
  const addon = loadAddon();
  const device = addon.openDevice('cpu');
  const { model, options } = compile(graph, cpu);
  const preparePart = (part) => {
    const compiled = compile(part, cpu);
    return () => addon.deferSession(device, compiled.model, compiled.options);
  };
  const whole = await addon.createSession(device, model, options);
  const network = new ImageNetwork(addon, device, graph, { whole, preparePart, budget: BUDGETS[way] });
  const shapes = { image: [1, 3, height, width], latents: [1, 4, height / 8, width / 8] };
  const [from, to] = kind === 'encode' ? [shapes.image, shapes.latents] : [shapes.latents, shapes.image];
  const x = device.randn(from, 1, 0);
  await x.ready();
  const used = process.cpuUsage();
  const start = performance.now();
  const result = network.run(x, to);
  const enqueuedIn = (performance.now() - start) / 1000;
  const values = await result.read();
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(used);
  writeFileSync(`${path}.${kind}.${way}`, values);
  return { kind, way, height, width, seconds, processor: (user + system) / 1e6, enqueuedIn, peak: 1024 * process.resourceUsage().maxRSS };
}

function difference(a, b) {
  const [x, y] = [a, b].map((path) => new Float32Array(readFileSync(path).buffer));
  let [largest, apart] = [0, 0];
  for (let i = 0; i < x.length; i++) {
    largest = Math.max(largest, Math.abs(x[i]));
    apart = Math.max(apart, Math.abs(x[i] - y[i]));
  }
  return apart / largest;
}

/** One pass in a process of its own. */
function measure(path, kind, way, height, width) {
  const place = fileURLToPath(import.meta.url);
  const { status, stdout, stderr } = spawnSync(process.execPath, [place, path, kind, way, height, width], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

function print({ kind, way, height, width, seconds, processor, peak, difference }) {
  const columns = [`${kind} ${height} x ${width}`.padEnd(20), way.padEnd(6), `${(peak / GIB).toFixed(2).padStart(6)} GiB`];
  const times = [`${seconds.toFixed(1).padStart(7)} s`, `${processor.toFixed(1).padStart(7)} s of processors`];
  console.error([...columns, ...times, difference?.toExponential(1) ?? ''].join(' '));
}

function measureAll(path, sizes, ways) {
  const rows = [];
  for (const size of sizes) {
    const [height, width = height] = size.split('x').map(Number);
    for (const kind of Object.keys(GRAPHS)) {
      for (const way of ways ?? (height * width > 2 ** 20 ? ['low'] : ['whole', 'low'])) {
        const row = measure(path, kind, way, height, width);
        if (way === 'whole') rows.push(row);
        else
          rows.push({
            ...row,
            difference: rows.at(-1)?.way === 'whole' ? difference(`${path}.${kind}.whole`, `${path}.${kind}.${way}`) : undefined,
          });
        print(rows.at(-1));
      }
    }
  }
  return rows;
}

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { sizes: { type: 'string', default: '512,1024' }, ways: { type: 'string' }, json: { type: 'boolean' } },
});
if (positionals.length > 0) {
  const [path, kind, way, height, width] = positionals;
  console.log(JSON.stringify(await pass(path, kind, way, Number(height), Number(width))));
} else {
  const folder = mkdtempSync(join(os.tmpdir(), 'latino-autoencoder-'));
  try {
    const path = join(folder, 'vae.safetensors');
    writeWeights(path);
    const rows = measureAll(path, flags.sizes.split(','), flags.ways?.split(','));
    if (flags.json) console.log(JSON.stringify({ processor: os.cpus()[0].model, cores: os.availableParallelism(), rows }, undefined, 2));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
