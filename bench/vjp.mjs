// Times a UNet call with its reverse pass for the text embedding against one without: node bench/vjp.mjs [--json]
// The two calls alternate in one run, so their ratio holds where the seconds do not.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openWeights } from '../dist/checkpoint/weights_folder.js';
import { loadAddon } from '../dist/device/load.js';
import { compile } from '../dist/graph/compile.js';
import { cpu } from '../dist/graph/targets/cpu/cpu.js';
import { UNet2DConditionConfig, unetGraph, unetVjpGraph } from '../dist/networks/unet2d_condition.js';
import { median } from './median.mjs';

const REPEATS = 40;
const networks = { 'portraits-lcm': '../models/portraits-lcm/unet', 'tiny-sd15': '../test/golden/models/tiny-sd15/unet' };
const sizes = [16, 32];

const addon = loadAddon();
const device = addon.openDevice('cpu');

async function time(session, inputs, outputs) {
  const begun = performance.now();
  for (const tensor of Object.values(session.run(inputs, outputs))) tensor.dispose();
  await device.synchronize();
  return performance.now() - begun;
}

const rows = [];
for (const [network, path] of Object.entries(networks)) {
  const folder = fileURLToPath(new URL(path, import.meta.url));
  const config = UNet2DConditionConfig.parse(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')));
  const weights = await openWeights(folder);
  const create = ({ model, options }) => addon.createSession(device, model, options);
  const forward = await create(compile(unetGraph(config, weights), cpu));
  const reverse = await create(compile(unetVjpGraph(config, weights, { wrt: ['encoder_hidden_states'] }), cpu));
  for (const size of sizes) {
    const eps = [1, config.out_channels, size, size];
    const text = [1, 77, config.cross_attention_dim];
    const inputs = {
      sample: device.randn([1, config.in_channels, size, size], 1, 0),
      timestep: device.full([1], 499, 'i64'),
      encoder_hidden_states: device.randn(text, 1, 1),
    };
    const withCotangent = { ...inputs, g: device.randn(eps, 1, 2) };
    const times = { forward: [], reverse: [] };
    for (let i = -5; i < REPEATS; i++) {
      const forwardTime = await time(forward, inputs, { eps });
      const reverseTime = await time(reverse, withCotangent, { eps, vjp_encoder_hidden_states: text });
      if (i < 0) continue;
      times.forward.push(forwardTime);
      times.reverse.push(reverseTime);
    }
    const [forwardMs, reverseMs] = [median(times.forward), median(times.reverse)];
    rows.push({ network, latents: `${size}x${size}`, forwardMs, reverseMs, ratio: reverseMs / forwardMs });
  }
  forward.dispose();
  reverse.dispose();
}

if (process.argv.includes('--json')) console.log(JSON.stringify(rows));
else {
  console.log('network        latents   forward ms   with reverse ms   ratio');
  for (const { network, latents, forwardMs, reverseMs, ratio } of rows) {
    const columns = [forwardMs.toFixed(1).padStart(12), reverseMs.toFixed(1).padStart(17), ratio.toFixed(2).padStart(7)];
    console.log(`${network.padEnd(15)}${latents.padEnd(7)} ${columns.join(' ')}`);
  }
}
