import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it } from 'vitest';
import type { Addon, Device, Tensor } from '../../src/device/addon.js';
import { loadAddon } from '../../src/device/load.js';
import { readImage } from '../../src/image/index.js';
import { buildOperator, motionBlur } from '../../src/operators/index.js';

const SAMPLE = fileURLToPath(new URL('../../models/portraits-lcm/samples/00.png', import.meta.url));
/** About 1 - alphas_cumprod[t] early, halfway and late in a run: what `auto` takes for the prior's variance at least. */
const VARIANCES = [0.995, 0.624, 0.185];
/** What a run starts from is the proximal point of nothing. */
const START = { gamma: 1e4, error: undefined };

const steps = [0.01, 0.05].flatMap((sigma) =>
  [START, ...VARIANCES.map((variance) => ({ gamma: variance / (2 * sigma) ** 2, error: 0.15 }))].map((step) => ({ sigma, ...step })),
);

let [addon, device] = [] as unknown as [Addon, Device];
let picture: { readonly data: Float32Array; readonly height: number; readonly width: number };
beforeAll(async () => {
  addon = loadAddon();
  device = addon.openDevice('cpu');
  picture = await readImage(SAMPLE, { channels: 3 });
});

/** Peak signal-to-noise ratio of a picture in [-1, 1]. */
function psnr(values: Float32Array): number {
  const sum = values.reduce((total, value, i) => total + (value - picture.data[i]!) ** 2, 0);
  return -10 * Math.log10(sum / values.length / 4);
}

it.each(
  (['reflect', 'zero'] as const).flatMap((boundary) => steps.map((step) => ({ boundary, ...step }))),
)('a step for motion blur, $boundary, sigma $sigma, gamma $gamma is within 0.01 dB of the exact one', async (step) => {
  const { boundary, gamma, error, sigma } = step;
  const operator = buildOperator(addon, device, motionBlur({ length: 25, angle: 30, boundary }), picture);
  using x = device.upload(picture.data, [1, 3, picture.height, picture.width]);
  using clean = operator.forward(x);
  using noise = device.randn(clean.shape, 1, 0);
  using y = addon.linearCombination(1, clean, 2 * sigma, noise);
  using wrong = device.randn(x.shape, 1, 1);
  using z = addon.linearCombination(error === undefined ? 0 : 1, x, error ?? 0, wrong);
  const read = async (tensor: Tensor): Promise<Float32Array> => (await tensor.read()) as Float32Array;
  using exact = operator.prox(z, y, gamma);
  using seen = operator.prox(z, y, gamma, 2 * sigma);
  const [want, got] = await Promise.all([exact, seen].map(read));
  expect(Math.abs(psnr(got!) - psnr(want!))).toBeLessThan(0.01);
  expect(got).not.toEqual(want); // the exact one takes several times as long
});
