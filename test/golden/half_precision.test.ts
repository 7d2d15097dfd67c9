import { expect, it } from 'vitest';
import { readModelJson } from '../../src/checkpoint/json_file.js';
import { openWeights } from '../../src/checkpoint/weights_folder.js';
import { compile } from '../../src/graph/compile.js';
import type { Graph } from '../../src/graph/graph.js';
import { cudaHalf } from '../../src/graph/targets/cuda/cuda.js';
import { UNet2DConditionConfig, unetGraph, unetVjpGraph } from '../../src/networks/unet2d_condition.js';
import { relativeError } from '../support/compare.js';
import { goldenPath, goldenSet } from '../support/golden.js';
import { readTensors, type Stored } from '../support/safetensors.js';
import { openNetwork } from '../support/session.js';

/**
 * float16 carries 11 bits; a network of some hundred operators loses a few of them: here ONNX Runtime's CPU provider rounds after each.
 */
const TOLERANCE = 1e-2;

/** The tensors `unet/case/tensor` of the first case that has a tensor of this name. */
async function caseWith(name: string, set: string, component: string): Promise<Record<string, Stored>> {
  const tensors = await readTensors(goldenPath(`models/${set}/io.safetensors`));
  const found = [...tensors.keys()].find((key) => key.startsWith(`${component}/`) && key.endsWith(`/${name}`))!;
  const prefix = found.slice(0, -name.length);
  return Object.fromEntries([...tensors].flatMap(([key, each]) => (key.startsWith(prefix) ? [[key.slice(prefix.length), each]] : [])));
}

async function expectAgreement(graph: Graph, stored: Readonly<Record<string, Stored>>, outputs: readonly string[]): Promise<void> {
  const run = await openNetwork(graph, cudaHalf);
  const results = await run(stored, Object.fromEntries(outputs.map((name) => [name, stored[name]!])));
  for (const name of outputs) {
    const error = relativeError(results[name]!, stored[name]!);
    expect(error, name).toBeLessThan(TOLERANCE);
    expect(error, `${name}: nothing was rounded`).toBeGreaterThan(1e-5);
  }
  run.dispose();
}

const needs = (set: string): string[] => [`models/${set}/unet`, `models/${set}/io.safetensors`];

goldenSet('half precision against diffusers: a UNet with its derivative', needs('tiny-sd15'), () => {
  it('reads float16 weights in place, and agrees', async () => {
    const path = goldenPath('models/tiny-sd15/unet');
    const config = UNet2DConditionConfig.parse(await readModelJson(`${path}/config.json`));
    const graph = unetVjpGraph(config, await openWeights(path, { variant: 'fp16' }), { wrt: ['encoder_hidden_states'] });
    expect(compile(graph, cudaHalf).options.weights).toEqual([]);
    const stored = await caseWith('vjp_encoder_hidden_states', 'tiny-sd15', 'unet_fp16_weights');
    await expectAgreement(graph, stored, ['eps', 'vjp_encoder_hidden_states']);
  });
});

goldenSet('half precision against diffusers: sizes up to 1024 as an input', needs('tiny-sdxl'), () => {
  it('keeps what sines are computed from in float32', async () => {
    const path = goldenPath('models/tiny-sdxl/unet');
    const config = UNet2DConditionConfig.parse(await readModelJson(`${path}/config.json`));
    await expectAgreement(unetGraph(config, await openWeights(path)), await caseWith('time_ids', 'tiny-sdxl', 'unet'), ['eps']);
  });
});
