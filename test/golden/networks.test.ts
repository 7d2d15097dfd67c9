import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Graph } from '../../src/graph/graph.js';
import type { WeightStore } from '../../src/graph/weights.js';
import { AutoencoderTinyConfig, tinyDecoderGraph, tinyEncoderGraph } from '../../src/networks/autoencoder_tiny.js';
import { clipTextGraph, CLIPTextConfig } from '../../src/networks/clip_text.js';
import { UNet2DConditionConfig, unetGraph } from '../../src/networks/unet2d_condition.js';
import { lower } from '../../src/graph/lower.js';
import { serializeModel } from '../../src/graph/onnx.js';
import { createInPlaceRunner, createRunner, relativeError } from '../support/networks.js';
import { readTensors, readWeights, type Stored } from '../support/safetensors.js';

const GOLDEN = resolve(process.env.LATINO_GOLDEN ?? 'test/golden');
const PORTRAITS = resolve('models/portraits-lcm');
const EPS_TOLERANCE = 5e-5;
const TEXT_TOLERANCE = 1e-5;
const UNET_INPUTS = ['sample', 'timestep', 'encoder_hidden_states', 'timestep_cond', 'text_embeds', 'time_ids'];

const folders: readonly [set: string, component: string, folder: string, suffix: string][] = [
  ['tiny-sd15', 'unet', 'unet', 'model.safetensors'],
  ['tiny-sd15', 'unet_fp16_weights', 'unet', '.fp16.safetensors'],
  ['tiny-sd15', 'text_encoder', 'text_encoder', 'model.safetensors'],
  ['tiny-sdxl', 'unet', 'unet', 'model.safetensors'],
  ['tiny-sdxl', 'text_encoder', 'text_encoder', 'model.safetensors'],
  ['tiny-sdxl', 'text_encoder_2', 'text_encoder_2', 'model.safetensors'],
  ['tiny-lcm-unet', 'unet', 'unet', 'model.safetensors'],
  ['tiny-lcm-unet', 'unet', 'unet-sharded', '.safetensors'],
  ['tiny-taesd', 'vae', '.', 'model.safetensors'],
];

describe('networks against diffusers', () => {
  for (const [set, component, folder, suffix] of folders) {
    const root = join(GOLDEN, 'models', set);
    it.skipIf(!existsSync(join(root, folder)) || !existsSync(join(root, 'io.safetensors')))(`${set} ${component} from ${folder}`, async () => {
      const cases = casesOf(await readTensors(join(root, 'io.safetensors')), component);
      expect(cases.size).toBeGreaterThan(0);
      const network = await openNetwork(join(root, folder), suffix);
      const errors = component.startsWith('text')
        ? await textErrors(network, cases)
        : component === 'vae'
          ? await tinyAutoencoderErrors(network, cases)
          : await unetErrors(network, cases);
      report(`${set}/${folder} ${component}`, errors);
      const tolerance = component.startsWith('text') ? TEXT_TOLERANCE : EPS_TOLERANCE;
      for (const [name, error] of errors) expect(error, name).toBeLessThan(tolerance);
    });
  }

  const sharded = join(GOLDEN, 'models', 'tiny-lcm-unet');
  it.skipIf(!existsSync(sharded))('reads F32 weights in place, from several files', async () => {
    const cases = casesOf(await readTensors(join(sharded, 'io.safetensors')), 'unet');
    const { config, store } = await openNetwork(join(sharded, 'unet-sharded'), '.safetensors');
    const built = serializeModel(lower(unetGraph(UNet2DConditionConfig.parse(config), store)));
    expect(built.options.weights).toEqual([]);
    const run = await createInPlaceRunner(built);
    for (const [name, error] of await errorsOf(cases, (tensors) => run(unetInputs(tensors)))) expect(error, name).toBeLessThan(EPS_TOLERANCE);
  });

  const trace = join(GOLDEN, 'solver', 'latino.safetensors');
  it.skipIf(!existsSync(PORTRAITS) || !existsSync(trace))('portraits-lcm along the trace of a restoration', async () => {
    const tensors = await readTensors(trace);
    const timesteps = [999, 874, 749, 624, 499, 374, 249, 124];
    const network = await openNetwork(join(PORTRAITS, 'unet'), '.safetensors');
    const run = await createRunner(unetGraph(UNet2DConditionConfig.parse(network.config), network.store), network.values);
    const errors: [string, number][] = [];
    for (const [step, t] of timesteps.entries()) {
      const { eps } = await run({
        sample: tensors.get(`${step}/z`)!,
        timestep: { shape: [1], data: BigInt64Array.of(BigInt(t)) },
        encoder_hidden_states: tensors.get('prompt_embeds')!,
      });
      errors.push([`step ${step}`, relativeError(eps!, tensors.get(`${step}/eps`)!)]);
    }
    report('portraits-lcm', errors);
    for (const [name, error] of errors) expect(error, name).toBeLessThan(EPS_TOLERANCE);
  });
});

interface Network {
  readonly config: unknown;
  readonly store: WeightStore;
  readonly values: Parameters<typeof createRunner>[1];
}

type Cases = Map<string, Record<string, Stored>>;

async function openNetwork(folder: string, suffix: string): Promise<Network> {
  const { store, values } = await readWeights(folder, suffix);
  return { config: JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')), store, values };
}

/** The tensors `component/case/tensor`, or `component/tensor` as the only case, by case. */
function casesOf(tensors: ReadonlyMap<string, Stored>, component: string): Cases {
  const cases: Cases = new Map();
  for (const [name, tensor] of tensors) {
    const parts = name.split('/');
    if (parts[0] !== component) continue;
    const label = parts.length === 3 ? parts[1]! : '';
    cases.set(label, { ...cases.get(label), [parts[parts.length - 1]!]: tensor });
  }
  return cases;
}

const unetInputs = (tensors: Record<string, Stored>): Record<string, Stored> =>
  Object.fromEntries(Object.entries(tensors).filter(([name]) => UNET_INPUTS.includes(name)));

async function unetErrors({ config, store, values }: Network, cases: Cases) {
  const run = await createRunner(unetGraph(UNet2DConditionConfig.parse(config), store), values);
  return errorsOf(cases, (tensors) => run(unetInputs(tensors)));
}

async function textErrors({ config, store, values }: Network, cases: Cases) {
  const run = await createRunner(clipTextGraph(CLIPTextConfig.parse(config), store), values);
  return errorsOf(cases, ({ input_ids }) => run({ input_ids: input_ids! }));
}

async function tinyAutoencoderErrors({ config: json, store, values }: Network, cases: Cases) {
  const config = AutoencoderTinyConfig.parse(json);
  const runner = (graph: Graph) => createRunner(graph, values);
  const encode = await runner(tinyEncoderGraph(config, store));
  const decode = await runner(tinyDecoderGraph(config, store));
  return errorsOf(cases, async ({ x, z }) => {
    const { latents } = await encode({ image: x! });
    const { image: decoded } = await decode({ latents: z! });
    return { latents: latents!, decoded: decoded! };
  });
}

/** The relative error of every output that the case has a reference for. */
async function errorsOf(cases: Cases, run: (tensors: Record<string, Stored>) => Promise<Record<string, Stored>>) {
  const errors: [string, number][] = [];
  for (const [label, tensors] of cases) {
    const outputs = await run(tensors);
    const compared = Object.keys(outputs).filter((name) => tensors[name]);
    expect(compared.length).toBeGreaterThan(0);
    for (const name of compared) errors.push([`${label}/${name}`, relativeError(outputs[name]!, tensors[name]!)]);
  }
  return errors;
}

function report(title: string, errors: readonly [string, number][]): void {
  const worst = errors.reduce((a, b) => (b[1] > a[1] ? b : a));
  console.log(`${title}: ${errors.length} tensors, worst ${worst[1].toExponential(1)} (${worst[0]})`);
}
