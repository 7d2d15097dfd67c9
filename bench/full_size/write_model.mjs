// Writes a diffusers folder of full size with seeded random weights in half precision: node bench/full_size/write_model.mjs sd-1.5|sdxl FOLDER
// What a checkpoint weighs and how long it takes can be measured by it; what it draws is noise.
import { cp, mkdir, open, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toHalf } from '../../dist/checkpoint/half.js';
import { AutoencoderKLConfig, klDecoderGraph, klEncoderGraph } from '../../dist/networks/autoencoder_kl.js';
import { CLIPTextConfig, clipTextGraph } from '../../dist/networks/clip_text.js';
import { UNet2DConditionConfig, unetGraph } from '../../dist/networks/unet2d_condition.js';
import { STRUCTURES } from './structures.mjs';

const BLOCK = 1 << 20;
const golden = fileURLToPath(new URL('../../test/golden/models', import.meta.url));

/** Graphs of every network of a component: building one asks for the weights that it has. */
const GRAPHS = {
  unet: (json, weights) => unetGraph(UNet2DConditionConfig.parse(json), weights),
  vae: (json, weights) => [klEncoderGraph, klDecoderGraph].map((graph) => graph(AutoencoderKLConfig.parse(json), weights)),
  text_encoder: (json, weights) => clipTextGraph(CLIPTextConfig.parse(json), weights),
};
GRAPHS.text_encoder_2 = GRAPHS.text_encoder;

/** The shape of each weight that a network asks for. */
function shapesOf(component, json) {
  const shapes = new Map();
  const weights = {
    // The spellings of today, and a projection where the component has one.
    has: (name) =>
      !/\.(query|key|value|proj_attn)\.weight$/.test(name) && (name !== 'text_projection.weight' || component === 'text_encoder_2'),
    get(name, shape) {
      shapes.set(name, shape);
      return { dtype: 'F16', shape, path: '/', offset: 0, length: 0 };
    },
  };
  GRAPHS[component](json, weights);
  return shapes;
}

const normals = (() => {
  let state = 1;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return Float32Array.from({ length: BLOCK }, () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()));
})();

const blocks = new Map();
/** Normal numbers of deviation 2^exponent. */
function block(exponent) {
  if (!blocks.has(exponent))
    blocks.set(
      exponent,
      Uint16Array.from(normals, (value) => toHalf(value * 2 ** exponent)),
    );
  return blocks.get(exponent);
}
const repeated = (value, count) => new Uint16Array(count).fill(toHalf(value));

function valuesOf(name, shape) {
  const count = shape.reduce((product, size) => product * size, 1);
  if (name.endsWith('.bias')) return repeated(0, count);
  if (shape.length === 1) return repeated(1, count);
  // Of a row's length, so that what passes keeps its size.
  return block(Math.round(Math.log2(1 / Math.sqrt(count / shape[0]))));
}

async function writeWeights(path, shapes) {
  let offset = 0;
  const header = { __metadata__: { format: 'pt' } };
  for (const [name, shape] of shapes) {
    const bytes = 2 * shape.reduce((product, size) => product * size, 1);
    header[name] = { dtype: 'F16', shape, data_offsets: [offset, offset + bytes] };
    offset += bytes;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const file = await open(`${path}.partial`, 'w');
  await file.writev([length, json]);
  for (const [name, shape] of shapes) {
    const [begin, end] = header[name].data_offsets;
    const values = valuesOf(name, shape);
    for (let left = (end - begin) / 2; left > 0; left -= values.length) await file.write(values.subarray(0, Math.min(left, values.length)));
  }
  await file.close();
  await rename(`${path}.partial`, path);
}

const [name, folder] = process.argv.slice(2);
if (!STRUCTURES[name] || !folder) throw new Error(`Expected one of ${Object.keys(STRUCTURES).join(', ')} and a folder`);
const { like, side: _, ...components } = STRUCTURES[name];
await mkdir(folder, { recursive: true });
for (const part of ['model_index.json', 'scheduler', 'tokenizer', ...(components.text_encoder_2 ? ['tokenizer_2'] : [])])
  await cp(join(golden, like, part), join(folder, part), { recursive: true });
for (const [component, config] of Object.entries(components)) {
  const original = JSON.parse(await readFile(join(golden, like, component, 'config.json'), 'utf8'));
  const json = { _class_name: original._class_name, architectures: original.architectures, ...config };
  await mkdir(join(folder, component), { recursive: true });
  await writeFile(join(folder, component, 'config.json'), JSON.stringify(json, null, 2));
  const stem = component.startsWith('text') ? 'model' : 'diffusion_pytorch_model';
  await writeWeights(join(folder, component, `${stem}.fp16.safetensors`), shapesOf(component, json));
}
