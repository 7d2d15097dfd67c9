import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Graph } from '../../src/graph/graph.js';
import type { WeightStore } from '../../src/graph/weights.js';
import { AutoencoderTinyConfig, tinyDecoderVjpGraph } from '../../src/networks/autoencoder_tiny.js';
import { UNet2DConditionConfig, unetVjpGraph } from '../../src/networks/unet2d_condition.js';
import { goldenPath } from '../support/golden.js';
import { createRunner, relativeError } from '../support/networks.js';
import { readTensors, readWeights, type Stored } from '../support/safetensors.js';

const TOLERANCE = 2e-4;

interface Network {
  readonly folder: string;
  readonly suffix: string;
  /** The network with its reverse pass for the inputs that the tensors `vjp_NAME` name. */
  readonly graph: (config: unknown, weights: WeightStore, wrt: readonly string[]) => Graph;
  /** Input of the network by name of the tensor, where they differ. */
  readonly rename?: Readonly<Record<string, string>>;
}

const unet = (folder: string, suffix: string): Network => ({
  folder,
  suffix,
  graph: (config, weights, wrt) => unetVjpGraph(UNet2DConditionConfig.parse(config), weights, { wrt }),
});

/** By component of the index. The `vae` of tiny-sd15 and tiny-sdxl waits for AutoencoderKL. */
const networks: Readonly<Record<string, Network>> = {
  'tiny-sd15/unet': unet('unet', 'model.safetensors'),
  'tiny-sd15/unet_fp16_weights': unet('unet', '.fp16.safetensors'),
  'tiny-sdxl/unet': unet('unet', 'model.safetensors'),
  'tiny-lcm-unet/unet': unet('unet', 'model.safetensors'),
  'tiny-taesd/vae': {
    folder: '.',
    suffix: 'model.safetensors',
    rename: { z: 'latents' },
    graph: (config, weights) => tinyDecoderVjpGraph(AutoencoderTinyConfig.parse(config), weights),
  },
};
const NOT_IMPLEMENTED = ['tiny-sd15/vae', 'tiny-sdxl/vae'];

/** Names `set/component/case` of all cases in the index that have a VJP, by `set/component`. */
function casesWithVjp(): Map<string, string[]> {
  const { float32_errors: files } = JSON.parse(readFileSync(goldenPath('models/index.json'), 'utf8'));
  const cases = new Map<string, Set<string>>();
  for (const [file, tensors] of Object.entries<object>(files)) {
    for (const name of Object.keys(tensors)) {
      const [component, label, tensor] = name.split('/') as [string, string, string?];
      if (!tensor?.startsWith('vjp_')) continue;
      const key = `${file.split('/')[0]}/${component}`;
      cases.set(key, (cases.get(key) ?? new Set()).add(label));
    }
  }
  return new Map([...cases].map(([key, labels]) => [key, [...labels]]));
}

const isPresent = existsSync(goldenPath('models/index.json'));

describe.skipIf(!isPresent)('vector-Jacobian products against diffusers', () => {
  const cases = isPresent ? casesWithVjp() : new Map<string, string[]>();

  it('knows every network that has reference gradients', () => {
    const known = [...Object.keys(networks), ...NOT_IMPLEMENTED];
    expect([...cases.keys()].filter((key) => !key.includes('lora')).sort()).toEqual(known.sort());
  });

  for (const [key, network] of Object.entries(networks)) {
    const [set, component] = key.split('/') as [string, string];
    const root = goldenPath(`models/${set}`);
    it.skipIf(!existsSync(join(root, 'io.safetensors')))(`${key}`, async () => {
      const tensors = await readTensors(join(root, 'io.safetensors'));
      const { store, values } = await readWeights(join(root, network.folder), network.suffix);
      const config = JSON.parse(readFileSync(join(root, network.folder, 'config.json'), 'utf8'));
      const inputName = (name: string) => network.rename?.[name] ?? name;
      let worst = 0;
      let compared = 0;
      let run: Awaited<ReturnType<typeof createRunner>> | undefined;
      for (const label of cases.get(key)!) {
        const stored = tensorsOf(tensors, `${component}/${label}/`);
        const wrt = Object.keys(stored).flatMap((name) => (name.startsWith('vjp_') ? [name.slice(4)] : []));
        const graph = network.graph(config, store, wrt);
        run ??= await createRunner(graph, values);
        const wanted = graph.inputs.map((input) => input.name);
        const inputs = Object.fromEntries(Object.entries(stored).map(([name, tensor]) => [inputName(name), tensor]));
        const results = await run(Object.fromEntries(wanted.map((name) => [name, inputs[name]!])));
        for (const name of wrt) {
          const error = relativeError(results[`vjp_${inputName(name)}`]!, stored[`vjp_${name}`]!);
          expect(error, `${label}/vjp_${name}`).toBeLessThan(TOLERANCE);
          worst = Math.max(worst, error);
          compared++;
        }
      }
      console.log(`${key}: ${compared} gradients, worst ${worst.toExponential(1)}`);
    });
  }
});

const tensorsOf = (tensors: ReadonlyMap<string, Stored>, prefix: string): Record<string, Stored> =>
  Object.fromEntries([...tensors].filter(([name]) => name.startsWith(prefix)).map(([name, tensor]) => [name.slice(prefix.length), tensor]));
