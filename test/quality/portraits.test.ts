import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findModel } from '../../src/checkpoint/embedded_models.js';
import type { Device, NativeOperator, Tensor } from '../../src/device/addon.js';
import { loadAddon } from '../../src/device/load.js';
import { fromPlanar, type Image, psnr, readImage } from '../../src/image/index.js';
import {
  buildOperator,
  convolution,
  denoising,
  gaussianBlur,
  inpainting,
  type Operator,
  superResolution,
} from '../../src/operators/index.js';
import type { Conditioning } from '../../src/prior/conditioning.js';
import type { LatentModel } from '../../src/prior/latent_model.js';
import { loadModel } from '../../src/prior/load_model.js';
import { latinoTimesteps } from '../../src/prior/timesteps.js';
import { drive } from '../../src/solver/drive.js';
import { latino } from '../../src/solver/latino.js';
import { gammaRule } from '../../src/solver/step_rules.js';
import { DEVICE } from '../support/device.js';
import { TorchGenerator } from '../support/torch_noise.js';

// The held-out samples against what the reference implementation (models/portraits-lcm/training/reference.py) reached on them, with
// its very noise, so that chance is no excuse. `make test` runs a few tasks; LATINO_SLOW=1 runs all, LATINO_QUALITY_REPORT names a file
// for the figures.

const STEPS = 8;
const SIDE = 128;
const IMAGES = 16;
const IMAGE = [3, SIDE, SIDE];
const LATENT = [8, 16, 16];
const TOLERANCE = 0.2;
const QUICK = new Set(['sr8 0.01', 'inpaint 0.01']);

interface Task {
  readonly name: string;
  readonly sigma: number;
  readonly psnr: number;
  readonly psnr_of_prox: number;
}

const { folder } = findModel('portraits');
const reference = JSON.parse(readFileSync(join(folder, 'training/reference.json'), 'utf8')) as { prompt: string; tasks: Task[] };
const kernel = JSON.parse(readFileSync(fileURLToPath(new URL('../../bench/motion-kernel.json', import.meta.url)), 'utf8'));
const OPERATORS: Readonly<Record<string, Operator>> = {
  sr4: superResolution({ factor: 4 }),
  sr8: superResolution({ factor: 8 }),
  sr16: superResolution({ factor: 16 }),
  gaussian3: gaussianBlur({ sigma: 3 }),
  gaussian6: gaussianBlur({ sigma: 6 }),
  motion: convolution({ taps: { height: kernel.height, width: kernel.width, values: Float64Array.from(kernel.taps) } }),
  inpaint: inpainting({ box: [40, 36, 48, 56] }),
  denoise: denoising(),
};
const size = (shape: readonly number[]) => shape.reduce((product, n) => product * n, 1);

describe('restorations of held-out portraits', () => {
  const addon = loadAddon(DEVICE);
  const rows: object[] = [];
  let device: Device;
  let model: LatentModel;
  let conditioning: Conditioning;
  let samples: Image[];
  let noises: Map<number, Float64Array[]>;

  beforeAll(async () => {
    device = addon.openDevice(DEVICE);
    model = await loadModel(addon, device, folder);
    conditioning = await model.condition(Array<string>(IMAGES).fill(reference.prompt));
    const names = Array.from({ length: IMAGES }, (_, i) => `${String(i).padStart(2, '0')}.png`);
    samples = await Promise.all(names.map((name) => readImage(join(folder, 'samples', name), { channels: 3 })));
    noises = new Map(
      [1, 2, 3].map((seed) => {
        const generator = new TorchGenerator(seed);
        return [seed, Array.from({ length: STEPS }, () => generator.randn(IMAGES * size(LATENT), 'float32'))];
      }),
    );
  });
  afterAll(async () => {
    await model.dispose();
    if (process.env.LATINO_QUALITY_REPORT) writeFileSync(process.env.LATINO_QUALITY_REPORT, `${JSON.stringify(rows, null, 1)}\n`);
  });

  /** What was drawn for the batch. */
  const upload = (drawn: Float64Array, shape: readonly number[]): Tensor => device.upload(Float32Array.from(drawn), [IMAGES, ...shape]);

  /** Of every sample, restored in one batch with each of the reference's noises. */
  async function scores({ name, sigma }: Task, operator: NativeOperator): Promise<{ decoded: number; proximal: number }[]> {
    const imageShape = [IMAGES, ...IMAGE];
    using x = device.upload(Float32Array.from(samples.flatMap(({ data }) => [...data])), imageShape);
    using clean = operator.forward(x);
    const measured = clean.shape.slice(1);
    using noise = upload(new TorchGenerator(5).randn(IMAGES * size(measured), 'float64'), measured);
    using noisy = addon.linearCombination(1, clean, 2 * sigma, noise);
    using y = OPERATORS[name]!.kind === 'inpainting' ? operator.forward(noisy) : addon.linearCombination(1, noisy, 0, noisy);
    const results: { decoded: number; proximal: number }[] = [];
    for (const draws of noises.values()) {
      let call = 0;
      let prox: Promise<ArrayLike<number> | BigInt64Array> | undefined;
      const problem = { operator, y, imageShape, sigma: 2 * sigma };
      const rule = gammaRule(addon, 'auto', { family: 'sd15', task: 'other' });
      const run = { kernels: addon, prior: model, problem, gammaRule: rule, noise: () => upload(draws[call++]!, LATENT) };
      using restored = await drive(latino(run, { conditioning, timesteps: latinoTimesteps(STEPS) }), {
        see: (step) => {
          if (step.t === latinoTimesteps(STEPS).at(-1)) prox = step.prox.read();
          return undefined;
        },
      });
      const [decoded, proximal] = (await Promise.all([restored.read(), prox!])) as [Float32Array, Float32Array];
      const score = (values: Float32Array, index: number): Promise<number> => {
        const planes = values.subarray(index * size(IMAGE), (index + 1) * size(IMAGE));
        return psnr(fromPlanar(planes, { channels: 3, height: SIDE, width: SIDE }), samples[index]!);
      };
      for (const index of samples.keys()) results.push({ decoded: await score(decoded, index), proximal: await score(proximal, index) });
    }
    return results;
  }

  const isWanted = ({ name, sigma }: Task) => Boolean(process.env.LATINO_SLOW) || QUICK.has(`${name} ${sigma}`);
  it.each(reference.tasks.filter(isWanted))(
    '$name, sigma $sigma',
    async (task) => {
      const all = await scores(task, buildOperator(addon, device, OPERATORS[task.name]!, { height: SIDE, width: SIDE }));
      const mean = (key: 'decoded' | 'proximal') => all.reduce((sum, score) => sum + score[key], 0) / all.length;
      rows.push({
        name: task.name,
        sigma: task.sigma,
        psnr: mean('decoded'),
        reference: task.psnr,
        psnrOfProx: mean('proximal'),
        referenceOfProx: task.psnr_of_prox,
      });
      expect(mean('decoded')).toBeGreaterThan(task.psnr - TOLERANCE);
      expect(mean('proximal')).toBeGreaterThan(task.psnr_of_prox - TOLERANCE);
    },
    600_000,
  );
});
