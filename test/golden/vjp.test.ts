import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openWeights } from '../../src/checkpoint/weights_folder.js';
import type { Graph } from '../../src/graph/graph.js';
import type { WeightStore } from '../../src/graph/weights.js';
import { AutoencoderKLConfig, klDecoderVjpGraph } from '../../src/networks/autoencoder_kl.js';
import { AutoencoderTinyConfig, tinyDecoderVjpGraph } from '../../src/networks/autoencoder_tiny.js';
import { UNet2DConditionConfig, unetVjpGraph } from '../../src/networks/unet2d_condition.js';
import { relativeError } from '../support/compare.js';
import { goldenPath, goldenSet, MODEL_INDEX, readGolden } from '../support/golden.js';
import { readTensors, type Stored } from '../support/safetensors.js';
import { openNetwork } from '../support/session.js';

const TOLERANCE = 2e-4;

interface Network {
  readonly folder: string;
  readonly variant?: 'fp16';
  /** The network with its reverse pass for the inputs that the tensors `vjp_NAME` name. */
  readonly graph: (config: unknown, weights: WeightStore, wrt: readonly string[]) => Graph;
  /** Input of the network by name of the tensor, where they differ. */
  readonly rename?: Readonly<Record<string, string>>;
}

interface Opened {
  readonly graph: Graph;
  readonly run: Awaited<ReturnType<typeof openNetwork>>;
}

const unet = (variant?: 'fp16'): Network => ({
  folder: 'unet',
  variant,
  graph: (config, weights, wrt) => unetVjpGraph(UNet2DConditionConfig.parse(config), weights, { wrt }),
});

/** By component of a set. */
const networks: Readonly<Record<string, Network>> = {
  unet: unet(),
  unet_fp16_weights: unet('fp16'),
  vae: {
    folder: 'vae',
    rename: { z: 'latents' },
    graph: (config, weights) =>
      (config as { _class_name: string })._class_name === 'AutoencoderKL'
        ? klDecoderVjpGraph(AutoencoderKLConfig.parse(config), weights)
        : tinyDecoderVjpGraph(AutoencoderTinyConfig.parse(config), weights),
  },
};

/** Names `set/component/case` of all cases in the index that have a VJP, by `set/component`. */
function casesWithVjp(): Map<string, string[]> {
  const { float32_errors: files } = readGolden<{ float32_errors: Record<string, object> }>(MODEL_INDEX);
  const cases = new Map<string, Set<string>>();
  for (const [file, tensors] of Object.entries(files).filter(([path]) => path.endsWith('/io.safetensors'))) {
    for (const name of Object.keys(tensors)) {
      const [component, label, tensor] = name.split('/') as [string, string, string?];
      if (!tensor?.startsWith('vjp_')) continue;
      const key = `${file.split('/')[0]}/${component}`;
      cases.set(key, (cases.get(key) ?? new Set()).add(label));
    }
  }
  return new Map([...cases].map(([key, labels]) => [key, [...labels]]));
}

goldenSet('vector-Jacobian products against diffusers (golden/models)', [MODEL_INDEX], () => {
  for (const [key, labels] of casesWithVjp()) {
    const [set, component] = key.split('/') as [string, string];
    const root = goldenPath(`models/${set}`);
    const register = () =>
      it('agree', async ({ skip }) => {
        const network = networks[component] ?? skip('its class is not supported yet');
        // A set of one network has it in its own folder.
        const folder = existsSync(join(root, network.folder)) ? join(root, network.folder) : root;
        const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));
        const tensors = await readTensors(join(root, 'io.safetensors'));
        const weights = await openWeights(folder, { variant: network.variant });
        const inputName = (name: string) => network.rename?.[name] ?? name;
        // Cases that are differentiated for the same inputs share a session, whatever their sizes.
        const opened = new Map<string, Promise<Opened>>();
        const open = async (wrt: readonly string[]): Promise<Opened> => {
          const graph = network.graph(config, weights, wrt);
          return { graph, run: await openNetwork(graph) };
        };
        let worst = 0;
        let compared = 0;
        for (const label of labels) {
          const stored = tensorsOf(tensors, `${component}/${label}/`);
          const wrt = Object.keys(stored).flatMap((name) => (name.startsWith('vjp_') ? [name.slice(4)] : []));
          if (!opened.has(String(wrt))) opened.set(String(wrt), open(wrt));
          const { graph, run } = await opened.get(String(wrt))!;
          const tensorsByInput = Object.fromEntries(Object.entries(stored).map(([name, tensor]) => [inputName(name), tensor]));
          const inputs = Object.fromEntries(graph.inputs.map(({ name }) => [name, tensorsByInput[name]!]));
          const wanted = Object.fromEntries(wrt.map((name) => [`vjp_${inputName(name)}`, stored[`vjp_${name}`]!]));
          const results = await run(inputs, wanted);
          for (const name of wrt) {
            const error = relativeError(results[`vjp_${inputName(name)}`]!, stored[`vjp_${name}`]!);
            expect(error, `${label}/vjp_${name}`).toBeLessThan(TOLERANCE);
            worst = Math.max(worst, error);
            compared++;
          }
        }
        for (const { run } of await Promise.all(opened.values())) run.dispose();
        console.log(`${key}: ${compared} gradients, worst ${worst.toExponential(1)}`);
      });
    goldenSet(key, [`models/${set}/io.safetensors`], register);
  }
});

const tensorsOf = (tensors: ReadonlyMap<string, Stored>, prefix: string): Record<string, Stored> =>
  Object.fromEntries([...tensors].filter(([name]) => name.startsWith(prefix)).map(([name, tensor]) => [name.slice(prefix.length), tensor]));
