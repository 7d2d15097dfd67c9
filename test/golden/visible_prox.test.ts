import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it } from 'vitest';
import type { Addon, Device, Tensor } from '../../src/device/addon.js';
import { loadAddon } from '../../src/device/load.js';
import { readImage } from '../../src/image/index.js';
import { buildOperator, type Convolution, convolution, type MotionBlur, motionBlur } from '../../src/operators/index.js';
import { DEVICE } from '../support/device.js';

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
  addon = loadAddon(DEVICE);
  device = addon.openDevice(DEVICE);
  picture = await readImage(SAMPLE, { channels: 3 });
});

/** Peak signal-to-noise ratio of a picture in [-1, 1]. */
function psnr(values: Float32Array): number {
  const sum = values.reduce((total, value, i) => total + (value - picture.data[i]!) ** 2, 0);
  return -10 * Math.log10(sum / values.length / 4);
}

interface Step {
  readonly sigma: number;
  readonly gamma: number;
  readonly error: number | undefined;
}

/** Peak signal-to-noise ratios of the exact proximal point and of the one that is as exact as can be seen, of the picture's first channels. */
async function compared(descriptor: Convolution | MotionBlur, channels: number, { sigma, gamma, error }: Step): Promise<[number, number]> {
  const operator = buildOperator(addon, device, descriptor, picture);
  using x = device.upload(picture.data.slice(0, channels * picture.height * picture.width), [1, channels, picture.height, picture.width]);
  using clean = operator.forward(x);
  using noise = device.randn(clean.shape, 1, 0);
  using y = addon.linearCombination(1, clean, 2 * sigma, noise);
  using wrong = device.randn(x.shape, 1, 1);
  using z = addon.linearCombination(error === undefined ? 0 : 1, x, error ?? 0, wrong);
  const read = async (tensor: Tensor): Promise<Float32Array> => (await tensor.read()) as Float32Array;
  using exact = operator.prox(z, y, gamma);
  using seen = operator.prox(z, y, gamma, 2 * sigma);
  const [want, got] = await Promise.all([exact, seen].map(read));
  expect(got).not.toEqual(want); // the exact one takes several times as long
  return [psnr(want!), psnr(got!)];
}

it.each((['reflect', 'zero'] as const).flatMap((boundary) => steps.map((step) => ({ boundary, ...step }))))(
  'a step for motion blur, $boundary, sigma $sigma, gamma $gamma is within 0.01 dB of the exact one',
  async ({ boundary, ...step }) => {
    // What a run starts from takes most of the time, in the exact form, and every channel is a problem of its own.
    const [want, got] = await compared(motionBlur({ length: 25, angle: 30, boundary }), step.error === undefined ? 1 : 3, step);
    expect(Math.abs(got - want)).toBeLessThan(0.01);
  },
);

/** Taps that sum to 1, from a density. */
function tapsOf(side: number, density: (row: number, column: number) => number): Convolution {
  const values = Array.from({ length: side * side }, (_, i) => density(Math.floor(i / side) - (side >> 1), (i % side) - (side >> 1)));
  const sum = values.reduce((total, value) => total + value, 0);
  return convolution({ taps: { height: side, width: side, values: values.map((value) => value / sum) }, boundary: 'reflect' });
}
/** Irregular, the same everywhere. */
const scattered = (row: number, column: number): number => (((row + 20) * 2371 + (column + 20) * 7919) % 104729) % 97;

it.each([
  ['motion along a row', motionBlur({ length: 25, angle: 0, boundary: 'reflect' })],
  ['motion down the diagonal', motionBlur({ length: 15, angle: 45, boundary: 'reflect' })],
  ['long motion', motionBlur({ length: 41, angle: 15, boundary: 'reflect' })],
  ['short motion', motionBlur({ length: 9, angle: 70, boundary: 'reflect' })],
  ['a random kernel', tapsOf(15, scattered)],
  ['a few random taps', tapsOf(15, (row, column) => Math.max(0, scattered(row, column) - 88))],
  ['a disc', tapsOf(11, (row, column) => (row ** 2 + column ** 2 <= 27 ? 1 : 0))],
  ['an oblique Gaussian', tapsOf(15, (row, column) => Math.exp(-((0.2 * (column + row)) ** 2) - (0.6 * (column - row)) ** 2))],
])('a step for %s is within 0.01 dB of the exact one', async (_, descriptor) => {
  for (const step of [
    { sigma: 0.01, gamma: 50, error: 0.15 },
    { sigma: 0.01, gamma: 400, error: 0.4 },
    { sigma: 0.01, gamma: 2500, error: 0.15 },
    { sigma: 0.05, gamma: 20, error: 0.15 },
    { sigma: 0.05, gamma: 100, error: 0.3 },
  ]) {
    const [want, got] = await compared(descriptor, 1, step);
    expect(Math.abs(got - want), JSON.stringify(step)).toBeLessThan(0.01);
  }
});
