// Times the reference implementation in PyTorch and ours side by side, in rounds: node bench/pytorch.mjs [--json]
// Needs a Python with PyTorch and NumPy, `python3` or what PYTHON names (on Debian: apt install python3-torch libopenblas0-pthread).
// Every round gives a ratio; what is told is their median and range.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Latino, readImage, superResolution } from '../dist/index.js';
import { median } from './median.mjs';

const ROUNDS = 7;
const STEPS = 8;
const REPEATS = 15;
const folder = fileURLToPath(new URL('../models/portraits-lcm', import.meta.url));
const script = fileURLToPath(new URL('pytorch/time_reference.py', import.meta.url));
const inputs = mkdtempSync(join(tmpdir(), 'latino-pytorch-'));

async function milliseconds(call) {
  const times = [];
  for (let i = 0; i < REPEATS; i++) {
    const begun = performance.now();
    await call();
    times.push(performance.now() - begun);
  }
  return median(times);
}

/** OpenBLAS's own threads would fight PyTorch's over the cores: so it is faster. */
function timePyTorch() {
  const env = { ...process.env, OPENBLAS_NUM_THREADS: '1' };
  const { status, stdout, stderr, error } = spawnSync(process.env.PYTHON ?? 'python3', [script, folder, inputs], { encoding: 'utf8', env });
  if (status !== 0) throw new Error(`Expected a Python with PyTorch and NumPy but it said: ${error?.message ?? stderr}`);
  return JSON.parse(stdout);
}

function relativeError(values, expected) {
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return values.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i])), 0) / largest;
}

const latino = await Latino.load({ device: 'cpu', model: folder });
const { model } = latino;
const { device } = model;
const operator = superResolution({ factor: 8 });
const clean = await readImage(`${folder}/samples/03.png`, { channels: 3 });
const { image } = await latino.degrade(clean, { operator, sigma: 0.01 });
const c = await model.embed('a portrait of a person');
const x = device.upload(clean.data, [1, 3, 128, 128]);
const z = device.randn([1, 8, 16, 16], 1, 0);
for (const [name, values] of Object.entries({ y: image.data, c: await c.read(), x: await x.read(), z: await z.read() })) {
  writeFileSync(join(inputs, name), values);
}
const networks = {
  encoder: () => model.encode(x),
  unet: () => model.predictNoise(z, 499, c),
  decoder: () => model.decode(z, 128, 128),
};
const calls = { restoration: () => latino.restore(image, { operator, sigma: 0.01, steps: STEPS }) };
for (const [name, call] of Object.entries(networks)) {
  calls[name] = async () => {
    call().dispose();
    await device.synchronize();
  };
}
try {
  const rounds = [];
  for (let round = 0; round < ROUNDS; round++) {
    const ours = {};
    for (const [name, call] of Object.entries(calls)) ours[name] = await milliseconds(call);
    rounds.push({ pytorch: timePyTorch(), ours });
  }
  const report = { rounds: ROUNDS, steps: STEPS, calls: {} };
  for (const name of Object.keys(calls)) {
    const ratios = rounds.map(({ pytorch, ours }) => pytorch[name] / ours[name]).sort((a, b) => a - b);
    report.calls[name] = {
      pytorch: median(rounds.map(({ pytorch }) => pytorch[name])),
      ours: median(rounds.map(({ ours }) => ours[name])),
      ratio: { median: median(ratios), least: ratios[0], most: ratios.at(-1) },
    };
  }
  // The same work: what the networks make of the same inputs. A decoder of ours clips, an encoder clips what it is given.
  for (const [name, call] of Object.entries(networks)) {
    const result = call();
    const bytes = readFileSync(join(inputs, `pytorch_${name}`));
    const expected = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    const clipped = name === 'decoder' ? expected.map((value) => Math.min(1, Math.max(-1, value))) : expected;
    report.calls[name].relativeError = relativeError(await result.read(), clipped);
    result.dispose();
  }
  if (process.argv.includes('--json')) console.log(JSON.stringify(report));
  else {
    console.log('call          PyTorch, ms   ours, ms   ratio (of all rounds)');
    for (const [name, { pytorch, ours, ratio }] of Object.entries(report.calls)) {
      const range = `${ratio.median.toFixed(2)} (${ratio.least.toFixed(2)} to ${ratio.most.toFixed(2)})`;
      console.log(`${name.padEnd(12)} ${pytorch.toFixed(1).padStart(12)} ${ours.toFixed(1).padStart(10)}   ${range}`);
    }
  }
} finally {
  rmSync(inputs, { recursive: true });
  for (const tensor of [x, z]) tensor.dispose();
  await latino.dispose();
}
