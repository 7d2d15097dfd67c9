import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findModel } from '../../src/checkpoint/embedded_models.js';
import type { Device, NativeOperator, Tensor } from '../../src/device/addon.js';
import { loadAddon } from '../../src/device/load.js';
import {
  type CalibrateOptions,
  type Embedding,
  gaussianBlur,
  type Image,
  inpainting,
  Latino,
  type Operator,
  type RestoreOptions,
  superResolution,
} from '../../src/index.js';
import { buildOperator } from '../../src/operators/index.js';
import type { LatentModel } from '../../src/prior/latent_model.js';
import { loadModel } from '../../src/prior/load_model.js';
import { officialFill } from '../../src/solver/official_fill.js';
import { portraits } from '../support/cli.js';
import { maxRelativeError } from '../support/compare.js';
import { DEVICE } from '../support/device.js';

// Every option of the solver by the public API, against LATINO written out by hand from the operator and the networks: an option that does
// nothing, or that does not reach the solver, fails here. That the parts are right is what test/golden shows.

const PROMPT = 'a portrait of a person';
const SIGMA = 0.02;
/** On the [-1, 1] scale. */
const NOISE = 2 * SIGMA;
const STEPS = 3;
const SEED = 6;
const SIDE = 128;

const sr8 = superResolution({ factor: 8 });
const blur = gaussianBlur({ sigma: 3 });
const hole = inpainting({ box: [40, 36, 48, 56] });

const addon = loadAddon(DEVICE);
let device: Device;
let model: LatentModel;
let latino: Latino;
const measurements = new Map<Operator, Image>();

beforeAll(async () => {
  device = addon.openDevice(DEVICE);
  model = await loadModel(addon, device, findModel('portraits').folder);
  latino = await Latino.load({ model: 'portraits', device: DEVICE });
  const sample = join(portraits, 'samples/03.png');
  for (const operator of [sr8, blur, hole]) measurements.set(operator, (await latino.degrade(sample, { operator, sigma: SIGMA })).image);
});
afterAll(async () => {
  await latino.dispose();
  await model.dispose();
});

const restore = async (operator: Operator, options: Partial<RestoreOptions>): Promise<Float32Array> => {
  const common = { operator, sigma: SIGMA, prompt: PROMPT, steps: STEPS, seed: SEED, result: 'decoded' } as const;
  return (await latino.restore(measurements.get(operator)!, { ...common, ...options })).image.data;
};

/** What a rule may look at. */
interface State {
  readonly operator: NativeOperator;
  readonly x: Tensor;
  readonly y: Tensor;
  readonly residual: Tensor;
  readonly t: number;
  /** 1 - alphas_cumprod[t] */
  readonly variance: number;
  readonly noise: (shape: readonly number[]) => Tensor;
}
type Rule = (state: State) => number | Tensor;
type Start = (operator: NativeOperator, y: Tensor) => Tensor;

const auto: Rule = ({ operator, residual, variance }) => addon.power(operator.errorVariance(residual, NOISE, variance), 1 / NOISE ** 2, 1);
const regularised: Start = (operator, y) => operator.prox(device.full([1, 3, SIDE, SIDE], 0), y, 1e4);

/** LATINO as the paper's algorithm 1 has it. */
async function byHand(
  task: Operator,
  { rule = auto, start = regularised, result = 'decoded' }: { rule?: Rule; start?: Start; result?: RestoreOptions['result'] },
): Promise<Float32Array> {
  const operator = buildOperator(addon, device, task, { height: SIDE, width: SIDE });
  const { data, channels, height, width } = measurements.get(task)!;
  const y = device.upload(data, [1, channels, height, width]);
  const c = await model.condition([PROMPT]);
  let draws = 0;
  const noise = (shape: readonly number[]): Tensor => device.randn(shape, SEED, draws++);
  let m = model.encode(start(operator, y));
  let prox: Tensor | undefined;
  for (const t of model.family.timesteps(STEPS, { hidesPixels: false })) {
    const alpha = model.alphaCumprod(t);
    const z = addon.linearCombination(Math.sqrt(alpha), m, Math.sqrt(1 - alpha), noise(m.shape));
    const z0 = addon.linearCombination(1 / Math.sqrt(alpha), z, -Math.sqrt((1 - alpha) / alpha), model.predictNoise(z, t, c));
    const x = model.decode(z0, SIDE, SIDE);
    const residual = operator.residual(x, y);
    prox = operator.proxFromResidual(x, residual, rule({ operator, x, y, residual, t, variance: 1 - alpha, noise }));
    m = model.encode(prox);
  }
  const image = result === 'proximal' ? addon.clip(prox!, -1, 1) : model.decode(m, SIDE, SIDE);
  return (await image.read()) as Float32Array;
}

/** Equal to what is wanted, and so far from what it would be without the option that the option must have been at work. */
async function expectEffect(got: Promise<Float32Array>, want: Promise<Float32Array>, without: Promise<Float32Array>): Promise<void> {
  expect(maxRelativeError(await got, await want)).toBeLessThan(1e-5);
  expect(maxRelativeError(await got, await without)).toBeGreaterThan(1e-3);
}

/** |A x - y| / sqrt(values of y). */
async function misfit(operator: Operator, data: Float32Array): Promise<number> {
  const predicted = (await latino.degrade({ data, width: SIDE, height: SIDE, channels: 3 }, { operator, sigma: 0 })).image.data;
  const y = measurements.get(operator)!.data;
  return Math.sqrt(predicted.reduce((sum, value, i) => sum + (value - y[i]!) ** 2, 0) / y.length);
}

describe('restore', () => {
  it('takes its defaults as documented', async () => {
    const spelled = { stepRule: 'auto', start: 'regularised', result: 'decoded' } as const;
    const got = await restore(sr8, { result: undefined });
    expect(await restore(sr8, spelled)).toEqual(got);
    expect(maxRelativeError(got, await byHand(sr8, {}))).toBeLessThan(1e-5);
  });

  it("with result 'proximal' gives the last proximal point, which keeps the data", async () => {
    const [proximal, decoded] = [restore(sr8, { result: 'proximal' }), restore(sr8, {})];
    await expectEffect(proximal, byHand(sr8, { result: 'proximal' }), decoded);
    expect(await misfit(sr8, await proximal)).toBeLessThan(NOISE);
    expect(await misfit(sr8, await decoded)).toBeGreaterThan(NOISE);
  });

  it("with start 'official' starts from Aᵀy", async () => {
    const start: Start = (operator, y) => operator.adjoint(y);
    await expectEffect(restore(sr8, { start: 'official' }), byHand(sr8, { start }), restore(sr8, {}));
  });

  it("with start 'official' starts an inpainting from the filled hole", async () => {
    const start: Start = (operator, y) => officialFill(addon, device, operator, y);
    await expectEffect(restore(hole, { start: 'official' }), byHand(hole, { start }), restore(hole, {}));
  });

  it.each([0.01, 3])('with a number %d for stepRule has gamma = delta (1 - a(t)) / sigma²', async (delta) => {
    const rule: Rule = ({ variance }) => (delta * variance) / NOISE ** 2;
    await expectEffect(restore(sr8, { stepRule: delta }), byHand(sr8, { rule }), restore(sr8, {}));
  });

  it("with stepRule 'discrepancy' moves to where |A x - y| is what the noise makes it", async () => {
    const rule: Rule = ({ operator, residual }) => operator.discrepancyGamma(residual, NOISE);
    const got = restore(sr8, { stepRule: 'discrepancy', result: 'proximal' });
    await expectEffect(got, byHand(sr8, { rule, result: 'proximal' }), restore(sr8, { result: 'proximal' }));
    expect(await misfit(sr8, await got)).toBeCloseTo(NOISE, 3);
  });

  it("with stepRule 'official' has the authors' constants for inpainting: 1 above t = 500, then 0.5", async () => {
    const rule: Rule = ({ t, variance }) => ((t > 500 ? 1 : 0.5) * variance) / NOISE ** 2;
    await expectEffect(restore(hole, { stepRule: 'official' }), byHand(hole, { rule }), restore(hole, { stepRule: 3 }));
    expect(maxRelativeError(await restore(hole, { stepRule: 'official' }), await restore(hole, {}))).toBeGreaterThan(1e-4);
  });

  it("with stepRule 'official' has the authors' rule for Gaussian blur, which grows with |A x + noise - y|", async () => {
    // Their pictures have 3 x 512 x 512 values.
    const size = Math.sqrt((3 * 512 * 512) / (3 * SIDE * SIDE));
    const rule: Rule = ({ operator, x, y, t, variance, noise }) => {
      const noisy = addon.linearCombination(1, operator.forward(x), SIGMA, noise(y.shape));
      const df = addon.norm(addon.linearCombination(1, noisy, -1, y));
      return addon.power(df, ((t > 300 ? 0.001 : 0.0004) * size * variance) / NOISE ** 2, 1);
    };
    await expectEffect(restore(blur, { stepRule: 'official' }), byHand(blur, { rule }), restore(blur, {}));
  });
});

describe('calibrate', () => {
  type Options = Partial<Omit<CalibrateOptions, 'onProgress'>>;
  const settings = { passes: 1, timesteps: [999, 249] };
  const calibrate = (options: Options): Promise<Embedding> =>
    latino.calibrate([measurements.get(sr8)!], { operator: sr8, sigma: SIGMA, prompt: PROMPT, seed: SEED, settings, ...options });

  it.each<Options>([
    { start: 'official' },
    { stepRule: 0.01 },
    { stepRule: 'discrepancy' },
    { stepRule: 'official' },
    { sigma: 0.2 },
    { seed: 7 },
    { settings: { ...settings, gradient: 'official' } },
    { settings: { ...settings, normalize: 'token' } },
    { settings: { ...settings, stepSize: 0.1 } },
  ])('heeds %o', async (options) => {
    const [plain, changed] = [await calibrate({}), await calibrate(options)];
    expect(maxRelativeError(changed.data, plain.data)).toBeGreaterThan(1e-4);
    // restore, which calibrates with the same options, comes to the same embedding.
    const { settings: calibrateWith = settings, ...others } = options;
    const common = { operator: sr8, sigma: SIGMA, prompt: PROMPT, seed: SEED, steps: 1 };
    const restored = await latino.restore(measurements.get(sr8)!, { ...common, ...others, calibrate: calibrateWith as object });
    expect(restored.embedding!.data).toEqual(changed.data);
  });
});
