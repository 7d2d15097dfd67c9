// Memory of a call of a UNet with and without its reverse pass for the text embedding, computed from the graph: node bench/vjp_memory.mjs
// Activations are those alive at once in the order of the graph, which is how ONNX Runtime's arena reuses them; attention counts what a
// chunk of its reverse pass holds, and leaves out the workspace of ONNX Runtime's forward attention. Weights are float32.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { UNet2DConditionConfig, unetGraph, unetVjpGraph } from '../dist/networks/unet2d_condition.js';

const ATTENTION_CHUNK = 3 * 2 ** 22;
const anyWeights = { has: () => true, get: (_, shape) => ({ dtype: 'F32', shape, path: '/w.safetensors', offset: 0, length: 0 }) };
const fileConfig = (path) => JSON.parse(readFileSync(fileURLToPath(new URL(path, import.meta.url)), 'utf8'));
const sdxl = {
  cross_attention_dim: 2048,
  block_out_channels: [320, 640, 1280],
  attention_head_dim: [5, 10, 20],
  down_block_types: ['DownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D'],
  up_block_types: ['CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'UpBlock2D'],
  transformer_layers_per_block: [1, 2, 10],
  use_linear_projection: true,
  addition_embed_type: 'text_time',
  addition_time_embed_dim: 256,
  projection_class_embeddings_input_dim: 2816,
};
const networks = [
  ['portraits-lcm', fileConfig('../models/portraits-lcm/unet/config.json'), 16, 48],
  ['tiny-sd15', fileConfig('../test/golden/models/tiny-sd15/unet/config.json'), 16, 77],
  ['Stable Diffusion 1.5', { cross_attention_dim: 768 }, 64, 77],
  ['SDXL', sdxl, 128, 77],
];

/** Elements of a value; names of dimensions are like height/2, height/2.width/2 (their product) or tokens. */
function elements(dims, sizes) {
  const one = (dim) => {
    const [base, ...steps] = dim.split(/(?=[/*])/);
    const start = /^\d+$/.test(base) ? Number(base) : sizes[base];
    if (start === undefined) return 0;
    return steps.reduce((size, step) => (step[0] === '/' ? Math.ceil(size / Number(step.slice(1))) : size * Number(step.slice(1))), start);
  };
  const size = (dim) =>
    typeof dim === 'number'
      ? dim
      : String(dim)
          .split('.')
          .reduce((product, part) => product * one(part), 1);
  return dims.reduce((product, dim) => product * size(dim), 1);
}

function peakBytes(graph, sizes) {
  const lastUse = new Map();
  for (const [index, node] of graph.nodes.entries()) for (const input of node.inputs) lastUse.set(input.name, index);
  const outputs = new Set(graph.outputs.map((output) => output.name));
  const stored = new Set([...graph.weights.keys(), ...graph.constants.keys()]);
  let [alive, peak] = [0, 0];
  const held = new Map();
  for (const [index, node] of graph.nodes.entries()) {
    for (const output of node.outputs) {
      const bytes = 4 * elements(output.dims, sizes);
      held.set(output.name, bytes);
      alive += bytes;
    }
    peak = Math.max(peak, alive + (node.opType === 'Loop' ? ATTENTION_CHUNK : 0));
    for (const name of new Set([...node.inputs, ...node.outputs].map((value) => value.name))) {
      if ((lastUse.get(name) ?? index) > index || outputs.has(name) || stored.has(name) || !held.has(name)) continue;
      alive -= held.get(name);
      held.delete(name);
    }
  }
  return peak;
}

const MB = (bytes) => `${(bytes / 2 ** 20).toFixed(0)} MiB`.padStart(10);
const rows = [];
for (const [name, json, side, tokens] of networks) {
  const config = UNet2DConditionConfig.parse(json);
  const forward = unetGraph(config, anyWeights);
  const reverse = unetVjpGraph(config, anyWeights, { wrt: ['encoder_hidden_states'] });
  const sizes = { batch: 1, height: side, width: side, tokens };
  const weights = [...forward.weights.values()].reduce((sum, { info }) => sum + 4 * info.shape.reduce((product, n) => product * n, 1), 0);
  rows.push({ name, latents: `${side}x${side}`, weights, forward: peakBytes(forward, sizes), reverse: peakBytes(reverse, sizes) });
}
if (process.argv.includes('--json')) console.log(JSON.stringify(rows));
else {
  console.log('network                latents     weights  activations  with reverse pass');
  for (const row of rows)
    console.log(
      `${row.name.padEnd(22)} ${row.latents.padEnd(8)}${MB(row.weights)} ${MB(row.forward).padStart(12)} ${MB(row.reverse).padStart(18)}`,
    );
}
