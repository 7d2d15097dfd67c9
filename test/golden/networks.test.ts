import { describe, expect, it } from 'vitest';
import { readModelJson } from '../../src/checkpoint/json_file.js';
import { type FolderWeights, openWeights } from '../../src/checkpoint/weights_folder.js';
import { compile } from '../../src/graph/compile.js';
import type { Graph } from '../../src/graph/graph.js';
import { cpu } from '../../src/graph/targets/cpu/cpu.js';
import { AutoencoderKLConfig, klDecoderGraph, klEncoderGraph } from '../../src/networks/autoencoder_kl.js';
import { AutoencoderTinyConfig, tinyDecoderGraph, tinyEncoderGraph } from '../../src/networks/autoencoder_tiny.js';
import { CLIPTextConfig, clipTextGraph } from '../../src/networks/clip_text.js';
import { UNet2DConditionConfig, unetGraph } from '../../src/networks/unet2d_condition.js';
import { latinoTimesteps } from '../../src/prior/timesteps.js';
import { portraits } from '../support/cli.js';
import { relativeError } from '../support/compare.js';
import { goldenPath, goldenSet, MODEL_INDEX, modelSets, modelTolerance } from '../support/golden.js';
import { readTensors, type Stored } from '../support/safetensors.js';
import { openNetwork } from '../support/session.js';

type Case = Readonly<Record<string, Stored>>;
type Errors = readonly (readonly [name: string, error: number])[];
/** Builds a network from its folder; the result gives the relative error of every output that a case has a reference for. */
type Open = (config: unknown, weights: FolderWeights) => Promise<(tensors: Case) => Promise<Errors>>;

/** Tensors of a case that belong to its derivative: what it is contracted with, what it comes to, and what an input was made of. */
const OF_DERIVATIVE = /^(g|vjp_.+|w)$/;

async function openGraph(graph: Graph, rename: Readonly<Record<string, string>> = {}) {
  const run = await openNetwork(graph);
  const inputs = graph.inputs.map(({ name }) => name);
  /** The graph's name of a tensor of the reference. */
  const named = (name: string): string => rename[name] ?? name;
  return async (tensors: Case): Promise<Errors> => {
    const entries = Object.entries(tensors).filter(([name]) => !OF_DERIVATIVE.test(name));
    const isInput = ([name]: [string, unknown]): boolean => inputs.includes(named(name));
    const references = entries.filter((entry) => !isInput(entry));
    const byName = (some: typeof entries): Case => Object.fromEntries(some.map(([name, tensor]) => [named(name), tensor]));
    const got = await run(byName(entries.filter(isInput)), byName(references));
    return references.map(([name, want]) => [name, relativeError(got[named(name)]!, want)]);
  };
}

/** No reference of a case goes uncompared. */
const requireNone = (tensors: Case): void => expect(Object.keys(tensors).filter((name) => !OF_DERIVATIVE.test(name))).toEqual([]);

const openTinyAutoencoder: Open = async (json, weights) => {
  const config = AutoencoderTinyConfig.parse(json);
  const encode = await openGraph(tinyEncoderGraph(config, weights), { x: 'image' });
  const decode = await openGraph(tinyDecoderGraph(config, weights), { z: 'latents', decoded: 'image' });
  return async ({ x, latents, z, decoded, ...others }) => {
    requireNone(others);
    return [...(await encode({ x: x!, latents: latents! })), ...(await decode({ z: z!, decoded: decoded! }))];
  };
};

const openAutoencoder: Open = async (json, weights) => {
  const config = AutoencoderKLConfig.parse(json);
  const encode = await openGraph(klEncoderGraph(config, weights, { logvar: true }), { x: 'image', mean: 'latents' });
  const decode = await openGraph(klDecoderGraph(config, weights), { z: 'latents', decoded: 'image' });
  return async ({ x, mean, logvar, z, decoded, ...others }) => {
    requireNone(others);
    return [...(await encode({ x: x!, mean: mean!, logvar: logvar! })), ...(await decode({ z: z!, decoded: decoded! }))];
  };
};

const NETWORKS: Readonly<Record<string, Open>> = {
  UNet2DConditionModel: (config, weights) => openGraph(unetGraph(UNet2DConditionConfig.parse(config), weights)),
  CLIPTextModel: (config, weights) => openGraph(clipTextGraph(CLIPTextConfig.parse(config), weights)),
  AutoencoderTiny: openTinyAutoencoder,
  AutoencoderKL: openAutoencoder,
};

/** The network in a folder, by its config.json. */
function networkOf(config: unknown): Open | undefined {
  const { _class_name, architectures } = config as { _class_name?: string; architectures?: string[] };
  const name = _class_name ?? architectures?.[0] ?? '';
  return NETWORKS[name === 'CLIPTextModelWithProjection' ? 'CLIPTextModel' : name];
}

/** The tensors `component/case/tensor`, or `component/tensor` as the only case, by case. */
function casesOf(tensors: ReadonlyMap<string, Stored>, component: string): Map<string, Case> {
  const cases = new Map<string, Case>();
  for (const [name, tensor] of tensors) {
    const parts = name.split('/');
    if (parts[0] !== component) continue;
    const label = parts.length === 3 ? parts[1]! : '';
    cases.set(label, { ...cases.get(label), [parts.at(-1)!]: tensor });
  }
  return cases;
}

/** `unet` is in the folder unet, and sharded in unet-sharded; the vae of a set without folders is in the set's own. */
const holds = (folder: string, component: string): boolean => folder === '' || folder === component || folder.startsWith(`${component}-`);

const FP16 = /_fp16_weights$/;

goldenSet('networks against diffusers (golden/models)', [MODEL_INDEX], () => {
  for (const { name, components, tensors } of modelSets()) {
    goldenSet(name, [`models/${name}/io.safetensors`], () => {
      const references = new Set(tensors.flatMap((tensor) => (tensor.includes('/') ? [tensor.slice(0, tensor.indexOf('/'))] : [])));
      for (const reference of references) {
        const component = reference.replace(FP16, '');
        for (const folder of components.filter((path) => holds(path, component))) {
          it(`${reference} from ${folder || 'the folder itself'}`, async ({ skip }) => {
            const path = goldenPath(`models/${name}/${folder}`);
            const config = await readModelJson(`${path}/config.json`);
            const open = networkOf(config) ?? skip('its class is not supported yet');
            const cases = casesOf(await readTensors(goldenPath(`models/${name}/io.safetensors`)), reference);
            const weights = await openWeights(path, FP16.test(reference) ? { variant: 'fp16' } : {});
            const errorsOf = await open(config, weights);
            expect(cases.size).toBeGreaterThan(0);
            for (const [label, inputs] of cases) {
              for (const [tensor, error] of await errorsOf(inputs))
                expect(error, `${label}/${tensor}`).toBeLessThan(modelTolerance(component, tensor));
            }
          });
        }
      }
    });
  }
});

goldenSet('portraits-lcm along the trace of a restoration (golden/solver)', ['solver/latino.safetensors'], () => {
  it.each(latinoTimesteps(8).map((t, step) => [step, t] as const))('step %i, timestep %i', async (step, t) => {
    const tensors = await readTensors(goldenPath('solver/latino.safetensors'));
    const [config, weights] = await Promise.all([readModelJson(`${portraits}/unet/config.json`), openWeights(`${portraits}/unet`)]);
    const errorsOf = await NETWORKS.UNet2DConditionModel!(config, weights);
    const [[, error]] = (await errorsOf({
      sample: tensors.get(`${step}/z`)!,
      timestep: { shape: [1], data: BigInt64Array.of(BigInt(t)) },
      encoder_hidden_states: tensors.get('prompt_embeds')!,
      eps: tensors.get(`${step}/eps`)!,
    })) as [readonly [string, number]];
    expect(error).toBeLessThan(5e-5);
  });
});

describe('weights of the golden networks', () => {
  goldenSet('in several files', ['models/tiny-lcm-unet/unet-sharded'], () => {
    it('are read in place where they are float32', async () => {
      const path = goldenPath('models/tiny-lcm-unet/unet-sharded');
      const config = UNet2DConditionConfig.parse(await readModelJson(`${path}/config.json`));
      expect(compile(unetGraph(config, await openWeights(path)), cpu).options.weights).toEqual([]);
    });
  });
});
