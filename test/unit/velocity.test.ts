import { afterAll, describe, expect, it } from 'vitest';
import { readModelJson } from '../../src/checkpoint/json_file.js';
import { Schedule } from '../../src/checkpoint/schedule.js';
import { openWeights } from '../../src/checkpoint/weights_folder.js';
import { UNet2DConditionConfig, type UNetOptions, unetGraph, unetVjpGraph } from '../../src/networks/unet2d_condition.js';
import { relativeError } from '../support/compare.js';
import { goldenPath, goldenSet } from '../support/golden.js';
import type { Stored } from '../support/safetensors.js';
import { openNetwork } from '../support/session.js';

const FOLDER = 'models/tiny-sd15/unet';
const { alphasCumprod } = new Schedule(Array.from({ length: 1000 }, (_, t) => 0.0001 + 0.00002 * t));
const TIMESTEP = 250n;
const STD = [3, 1, 0.25, 0.02];

const wave = (shape: number[], speed: number): Stored => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(speed * i)),
});

/** The tensor times a factor for each of its channels. */
const perChannel = ({ shape, data }: Stored, factor: (channel: number) => number): Stored => ({
  shape,
  data: Float32Array.from(data as Float32Array, (x, i) => x * factor(Math.floor(i / (shape[2]! * shape[3]!)) % shape[1]!)),
});

const plus = (a: Stored, b: Stored): Stored => ({
  shape: a.shape,
  data: Float32Array.from(a.data as Float32Array, (x, i) => x + (b.data as Float32Array)[i]!),
});

goldenSet('v-prediction', [FOLDER], () => {
  const networks: { dispose: () => void }[] = [];
  afterAll(() => {
    for (const network of networks) network.dispose();
  });

  async function open(options: UNetOptions, latents_std?: number[]) {
    const config = UNet2DConditionConfig.parse({ ...((await readModelJson(`${goldenPath(FOLDER)}/config.json`)) as object), latents_std });
    const network = await openNetwork(unetGraph(config, await openWeights(goldenPath(FOLDER)), options));
    networks.push(network);
    const text = wave([1, 7, config.cross_attention_dim], 0.3);
    return async (sample: Stored) => {
      const timestep = { shape: [1], data: BigInt64Array.of(TIMESTEP) };
      return (await network({ sample, timestep, encoder_hidden_states: text })).eps!;
    };
  }

  const sample = wave([1, 4, 8, 8], 0.7);
  const a = alphasCumprod[Number(TIMESTEP)]!;

  it('is sqrt(a) v + sqrt(1 - a) z', async () => {
    const [plain, velocity] = [await open({}), await open({ velocity: alphasCumprod })];
    const v = await plain(sample);
    const expected = plus(
      perChannel(v, () => Math.sqrt(a)),
      perChannel(sample, () => Math.sqrt(1 - a)),
    );
    expect(relativeError(await velocity(sample), expected)).toBeLessThan(1e-5);
  });

  it('sees every channel at variance 1 where the config states deviations', async () => {
    const [plain, velocity] = [await open({}), await open({ velocity: alphasCumprod }, STD)];
    const i = (channel: number) => 1 / Math.sqrt(a * STD[channel]! ** 2 + 1 - a);
    const v = await plain(perChannel(sample, i));
    const expected = plus(
      perChannel(v, (channel) => i(channel) * Math.sqrt(a) * STD[channel]!),
      perChannel(sample, (channel) => i(channel) ** 2 * Math.sqrt(1 - a)),
    );
    expect(relativeError(await velocity(sample), expected)).toBeLessThan(1e-5);
  });

  it('scales the derivative with respect to the prompt', async () => {
    const config = UNet2DConditionConfig.parse(await readModelJson(`${goldenPath(FOLDER)}/config.json`));
    const weights = await openWeights(goldenPath(FOLDER));
    const inputs = {
      sample,
      timestep: { shape: [1], data: BigInt64Array.of(TIMESTEP) },
      encoder_hidden_states: wave([1, 7, config.cross_attention_dim], 0.3),
      g: wave([1, 4, 8, 8], 1.1),
    };
    const gradients = [];
    for (const velocity of [undefined, alphasCumprod]) {
      const network = await openNetwork(unetVjpGraph(config, weights, { velocity, wrt: ['encoder_hidden_states'] }));
      networks.push(network);
      gradients.push((await network(inputs)).vjp_encoder_hidden_states!);
    }
    const expected = { shape: gradients[0]!.shape, data: (gradients[0]!.data as Float32Array).map((x) => x * Math.sqrt(a)) };
    expect(relativeError(gradients[1]!, expected)).toBeLessThan(1e-5);
  });

  it('wants a deviation for each channel', async () => {
    await expect(open({ velocity: alphasCumprod }, [1, 2])).rejects.toThrow(/needs 4 latents_std, not 2/);
  });
});

describe('a schedule', () => {
  it('predicts noise unless told otherwise', () => {
    expect(new Schedule([0.1]).prediction).toBe('epsilon');
  });
});
