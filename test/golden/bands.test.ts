import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findModel } from '../../src/checkpoint/embedded_models.js';
import type { Device, Tensor } from '../../src/device/addon.js';
import { loadAddon } from '../../src/device/load.js';
import { plan } from '../../src/graph/bands/plan.js';
import { Sizes } from '../../src/graph/bands/sizes.js';
import type { Graph } from '../../src/graph/graph.js';
import { cuda } from '../../src/graph/targets/cuda/cuda.js';
import { readModel, stepGraphs } from '../../src/prior/read_model.js';
import { maxRelativeError } from '../support/compare.js';
import { DEVICE, TARGET } from '../support/device.js';
import { withCode } from '../support/errors.js';
import { goldenPath, goldenSet } from '../support/golden.js';
import { ANY_MEMORY, LEAST_MEMORY, openImageNetwork } from '../support/image_network.js';

type Kind = 'encoder' | 'decoder';

const addon = loadAddon(DEVICE);
let device: Device;
beforeAll(() => {
  device = addon.openDevice(DEVICE);
});
afterAll(() => device.trim());

/** One of a model's networks, and the shapes of what it takes and gives for n images of a size. */
async function network(
  folder: string,
  kind: Kind,
  n: number,
  height: number,
  width: number,
): Promise<[Graph, from: number[], to: number[]]> {
  const files = await readModel(folder);
  const { latentChannels, downscaling } = files.vae.network;
  const [image, latents] = [
    [n, 3, height, width],
    [n, latentChannels, height / downscaling, width / downscaling],
  ];
  const shapes: [number[], number[]] = kind === 'encoder' ? [image, latents] : [latents, image];
  return [stepGraphs(files)[kind], ...shapes];
}

const values = async (tensor: Tensor): Promise<Float32Array> => (await tensor.read()) as Float32Array;

goldenSet('autoencoders in bands', ['models/tiny-sd15', 'models/tiny-sdxl'], () => {
  const MODELS = [
    ['tiny-sd15', () => goldenPath('models/tiny-sd15')],
    ['tiny-sdxl', () => goldenPath('models/tiny-sdxl')],
    ['portraits, of class AutoencoderTiny,', () => findModel('portraits').folder],
  ] as const;
  // Heights that bands of 64 rows do not divide, and what the networks halve thrice neither into an even number.
  // A device of the CPU can run what is compiled for a GPU, too, but not the other way round.
  const RUNS = [
    [TARGET, 1, 328, 72],
    [TARGET, 3, 200, 40],
    [cuda, 1, 200, 40],
  ] as const;
  const cases = MODELS.flatMap(([name, folder]) =>
    (['encoder', 'decoder'] as const).flatMap((kind) =>
      RUNS.map(([target, ...size]) => [name, kind, target === cuda ? 'GPU' : 'CPU', ...size, target, folder] as const),
    ),
  );

  it.each(cases)(
    '%s: the %s for a %s, of %i images of %i x %i, comes to what it does as a whole',
    async (_name, kind, _for, n, height, width, target, folder) => {
      const [graph, from, to] = await network(folder(), kind, n, height, width);
      const sizes = new Sizes([
        [graph.inputs[0]!, from],
        [graph.outputs[0]!, to],
      ]);
      expect(plan(graph, sizes, LEAST_MEMORY).steps.map((step) => step.kind)).toContain('bands');

      using whole = await openImageNetwork(addon, device, graph, ANY_MEMORY);
      using banded = await openImageNetwork(addon, device, graph, LEAST_MEMORY, target);
      using x = device.randn(from, 1, 0);
      using want = whole.run(x, to);
      using got = banded.run(x, to);
      expect(got.shape).toEqual(to);
      expect(maxRelativeError(await values(got), await values(want))).toBeLessThan(2e-5);
    },
  );
});

describe('a network in bands', () => {
  const portraits = findModel('portraits').folder;

  it('ends where what it is computed from is cancelled, leaves nothing behind, and runs again', async () => {
    const [graph, from, to] = await network(portraits, 'decoder', 1, 1024, 512);
    using banded = await openImageNetwork(addon, device, graph, LEAST_MEMORY);
    const data = new Float32Array(from.reduce((product, size) => product * size));
    const cancellation = addon.cancellation();
    const before = device.memory.inUse;
    {
      using x = device.upload(data, from, cancellation);
      using stopped = banded.run(x, to);
      const result = stopped.read();
      // Under way: there is an image larger than what it is computed from.
      while (device.memory.inUse < before + 16 * data.length) await new Promise((resolve) => setTimeout(resolve, 1));
      cancellation.cancel();
      await expect(result).rejects.toThrow(withCode('CANCELLED'));
    }
    await device.synchronize();
    expect(device.memory.inUse).toBe(before);
    using x = device.upload(data, from);
    using again = banded.run(x, to);
    expect((await values(again)).every(Number.isFinite)).toBe(true);
  });

  it('has read all of its weights once it runs, as one that runs as a whole, whichever sessions read them', async () => {
    const [graph, from, to] = await network(portraits, 'decoder', 1, 256, 64);
    for (const budget of [LEAST_MEMORY, ANY_MEMORY]) {
      using decoder = await openImageNetwork(addon, device, graph, budget);
      // On a GPU ONNX Runtime has taken them as the session was made.
      if (DEVICE === 'cpu') expect(decoder.readBytes).toBeLessThan(decoder.weightBytes);
      using x = device.randn(from, 1, 0);
      using y = decoder.run(x, to);
      await y.ready();
      expect(decoder.readBytes).toBe(decoder.weightBytes);
    }
  });

  it('fails as the part of it that fails, and leaves nothing behind', async () => {
    const [graph, from, to] = await network(portraits, 'decoder', 1, 512, 256);
    const before = device.memory.inUse;
    const broken = (part: Graph): Graph => {
      for (const [name, { value, info }] of part.weights) part.weights.set(name, { value, info: { ...info, path: '/none' } });
      return part;
    };
    using banded = await openImageNetwork(addon, device, graph, LEAST_MEMORY, TARGET, broken);
    {
      using x = device.full(from, 0);
      using failed = banded.run(x, to);
      await expect(failed.read()).rejects.toThrow(withCode('MODEL'));
    }
    await device.synchronize();
    expect(device.memory.inUse).toBe(before);
  });

  it('may be disposed while it runs', async () => {
    const [graph, from, to] = await network(portraits, 'encoder', 1, 256, 128);
    const banded = await openImageNetwork(addon, device, graph, LEAST_MEMORY);
    using x = device.full(from, 0.5);
    using result = banded.run(x, to);
    banded.dispose();
    expect((await values(result)).every(Number.isFinite)).toBe(true);
  });
});
