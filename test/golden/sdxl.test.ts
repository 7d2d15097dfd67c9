import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FolderFiles } from '../../src/checkpoint/diffusers_folder.js';
import { encodeSafetensors } from '../../src/checkpoint/encode_safetensors.js';
import { loadTokenizer } from '../../src/checkpoint/tokenizer.js';
import type { Device, Tensor, WindowGrid } from '../../src/device/addon.js';
import { loadAddon } from '../../src/device/load.js';
import { Embedding, Latino, superResolution } from '../../src/index.js';
import { buildOperator } from '../../src/operators/index.js';
import { Conditioning } from '../../src/prior/conditioning.js';
import type { LatentModel } from '../../src/prior/latent_model.js';
import { loadModel } from '../../src/prior/load_model.js';
import { latinoTimesteps } from '../../src/prior/timesteps.js';
import { WindowedPrior } from '../../src/prior/windowed_prior.js';
import { OFFICIAL_CALIBRATION } from '../../src/solver/calibration_settings.js';
import { drive } from '../../src/solver/drive.js';
import { latino } from '../../src/solver/latino.js';
import { calibrate } from '../../src/solver/latino_pro.js';
import type { Run, StepTensors } from '../../src/solver/step.js';
import { gammaRule } from '../../src/solver/step_rules.js';
import { maxRelativeError } from '../support/compare.js';
import { DEVICE } from '../support/device.js';
import { withCode } from '../support/errors.js';
import { goldenPath, goldenSet, readGolden } from '../support/golden.js';
import { readTensors, type Stored } from '../support/safetensors.js';

const MODEL = 'models/tiny-sdxl';
const FILES = ['latino', 'latino-pro'].map((name) => `sdxl/${name}.safetensors`);
const PROMPT = 'a portrait of a person';
const SIZE = { height: 64, width: 96 };
/** Of a step from its stored z, and of a whole run from the stored noise (golden/sdxl/README.md). */
const OF_STEP: Readonly<Record<string, number>> = { eps: 5e-5, z0: 1e-4, x: 2e-4, gamma: 1e-3, prox: 1e-4, m: 1e-4 };
const OF_RUN: Readonly<Record<string, number>> = { z: 2e-4, gamma: 2e-3, m: 5e-4 };

goldenSet('SDXL (golden/sdxl)', [MODEL, 'sdxl/tokenizer-cases.json', ...FILES], () => {
  const addon = loadAddon(DEVICE);
  let device: Device;
  let model: LatentModel;

  beforeAll(async () => {
    device = addon.openDevice(DEVICE);
    model = await loadModel(addon, device, goldenPath(MODEL));
  });
  afterAll(() => model.dispose());

  it('tokenizes as both tokenizers of transformers do, padding and all', async () => {
    const { cases } = readGolden<{ cases: Record<'ids' | 'ids_2', number[]>[] & { text: string }[] }>('sdxl/tokenizer-cases.json');
    const tokenizers = {
      ids: await loadTokenizer(new FolderFiles(goldenPath(`${MODEL}/tokenizer`))),
      ids_2: await loadTokenizer(new FolderFiles(goldenPath(`${MODEL}/tokenizer_2`))),
    };
    expect(cases.length).toBeGreaterThan(20);
    for (const each of cases)
      for (const [name, tokenizer] of Object.entries(tokenizers))
        expect([...tokenizer.encode(each.text)].map(Number), `${name} of ${each.text}`).toEqual(each[name as keyof typeof tokenizers]);
  });

  it('knows the size that it was made for', () => {
    expect(model.family.name).toBe('sdxl');
    expect(model.embeddingShape).toEqual([1, 77, 72]);
  });

  const withTrace = (name: string, factor: number) => {
    let tensors: Map<string, Stored>;
    beforeAll(async () => {
      tensors = await readTensors(goldenPath(`sdxl/${name}.safetensors`));
    });
    const want = (key: string): Float32Array => tensors.get(key)!.data as Float32Array;
    const stored = (key: string): Tensor => device.upload(want(key), tensors.get(key)!.shape);
    /** Without time_ids, which the model makes itself. */
    const conditioned = (promptEmbeds = 'prompt_embeds'): Conditioning =>
      new Conditioning(stored(promptEmbeds), { text_embeds: stored('pooled_prompt_embeds') });
    const rule = gammaRule(addon, 'auto', { family: 'sdxl', task: 'super-resolution', factor });
    const operator = () => buildOperator(addon, device, superResolution({ factor }), SIZE);
    const runWith = (y: Tensor, noises: string[]): Run => ({
      kernels: addon,
      prior: model,
      problem: { operator: operator(), y, imageShape: [1, 3, SIZE.height, SIZE.width], sigma: 0.02 },
      gammaRule: rule,
      noise: () => stored(noises.shift()!),
    });
    return { want, stored, conditioned, rule, operator, runWith };
  };
  const read = async (tensor: Tensor): Promise<Float32Array> => (await tensor.read()) as Float32Array;

  describe('LATINO', () => {
    const { want, stored, conditioned, rule, operator, runWith } = withTrace('latino', 4);
    const timesteps = latinoTimesteps(8);

    it('embeds the prompt by both text encoders', async () => {
      using c = await model.condition([PROMPT]);
      expect(maxRelativeError(await read(c.promptEmbeds), want('prompt_embeds'))).toBeLessThan(1e-5);
      expect(maxRelativeError(await read(c.added.text_embeds!), want('pooled_prompt_embeds'))).toBeLessThan(1e-5);
    });

    it.each([...timesteps.keys()])('gives step %i from its stored z', async (step) => {
      const t = timesteps[step]!;
      const alpha = model.alphaCumprod(t);
      const measurement = operator();
      using y = stored('y');
      using c = conditioned();
      using z = stored(`${step}/z`);
      using eps = model.predictNoise(z, t, c);
      using z0 = addon.linearCombination(1 / Math.sqrt(alpha), z, -Math.sqrt((1 - alpha) / alpha), eps);
      using x = model.decode(z0, SIZE.height, SIZE.width);
      using residual = measurement.residual(x, y);
      using gamma = rule({ device, operator: measurement, x, y, residual, t, alpha, noiseGain: 1, sigma: 0.02, noise: () => z }) as Tensor;
      using prox = measurement.proxFromResidual(x, residual, gamma);
      using m = model.encode(prox);
      for (const [name, tensor] of Object.entries({ eps, z0, x, gamma, prox, m }))
        expect(maxRelativeError(await read(tensor), want(`${step}/${name}`)), name).toBeLessThan(OF_STEP[name]!);
    });

    it('gives the whole run from the stored noise', async () => {
      using y = stored('y');
      using conditioning = conditioned();
      const errors = new Map<string, number>();
      let k = 0;
      const noises = timesteps.map((_, step) => `${step}/noise`);
      using result = await drive(latino(runWith(y, noises), { conditioning, timesteps }), {
        see: async ({ z, m, gamma }: StepTensors) => {
          const step = k++;
          const compare = async ([name, tensor]: [string, Tensor]) =>
            errors.set(`${step}/${name}`, maxRelativeError(await read(tensor), want(`${step}/${name}`)));
          await Promise.all(Object.entries({ z, m, gamma: gamma as Tensor }).map(compare));
        },
      });
      expect(errors.size).toBe(3 * timesteps.length);
      for (const [name, error] of errors) expect(error, name).toBeLessThan(OF_RUN[name.split('/')[1]!]!);
      expect(maxRelativeError(await read(result), want('result'))).toBeLessThan(2e-3);
    });
  });

  describe('LATINO-PRO', () => {
    const { want, stored, conditioned, runWith } = withTrace('latino-pro', 8);
    const { timesteps } = OFFICIAL_CALIBRATION;
    const passes = [0, 1];

    it('gives the embedding of the last pass from the stored noise, the pooled one as it was', async () => {
      using y = stored('y');
      using conditioning = conditioned();
      const noises = passes.flatMap((pass) => timesteps.map((_, step) => `${pass}/${step}/noise`));
      const gradientOf = await model.loadPromptGradient();
      const steps = calibrate(addon, [runWith(y, noises)], gradientOf, { ...OFFICIAL_CALIBRATION, passes: passes.length, conditioning });
      using c = await drive(steps);
      expect(noises).toEqual([]);
      expect(maxRelativeError(await read(c), want(`${passes.length - 1}/prompt_embeds`))).toBeLessThan(5e-4);
    });

    it.each(passes.flatMap((pass) => [0, 1, 2].map((step) => ({ pass, step }))))(
      'gives the gradient of pass $pass, step $step',
      async ({ pass, step }) => {
        const [t, next] = [timesteps[step]!, timesteps[step + 1]!];
        const [alpha, following] = [model.alphaCumprod(t), model.alphaCumprod(next)];
        using z = stored(`${pass}/${step}/z`);
        using z0 = stored(`${pass}/${step}/z0`);
        using zNext = stored(`${pass}/${step + 1}/z`);
        using conditioning = conditioned(pass === 0 ? 'prompt_embeds' : `${pass - 1}/prompt_embeds`);
        const weight = (-Math.sqrt(following) / (1 - following)) * Math.sqrt((1 - alpha) / alpha);
        using cotangent = addon.linearCombination(weight, zNext, -weight * Math.sqrt(following), z0);
        const gradientOf = await model.loadPromptGradient();
        using gradient = gradientOf(z, t, conditioning, cotangent);
        expect(maxRelativeError(await read(gradient), want(`${pass}/${step}/gradient`))).toBeLessThan(5e-4);
      },
    );
  });

  it('is told the place of every window of a larger picture', async () => {
    const t = 499;
    const side = model.nativeSize / model.downscaling;
    const grid: WindowGrid = { rows: [0], columns: [0, (side * 3) / 4, side], height: side, width: side, ramp: side / 4 };
    using z = device.randn([1, 4, side, 2 * side], 1, 0);
    using c = await model.condition([PROMPT]);
    using cut = addon.cutWindows(z, grid);
    const parts = grid.columns.map((column, k) => {
      const [picture, window] = [model.nativeSize, column * model.downscaling];
      using timeIds = device.upload(Float32Array.of(picture, 2 * picture, 0, window, picture, picture), [1, 6]);
      using part = addon.slice(cut, k, k + 1);
      return model.predictNoise(part, t, new Conditioning(c.promptEmbeds, { ...c.added, time_ids: timeIds }));
    });
    using windows = addon.concatenate(parts);
    using want = addon.blendWindows(windows, grid, side, 2 * side);
    using got = new WindowedPrior(addon, model).predictNoise(z, t, c);
    expect(maxRelativeError(await read(got), await read(want))).toBeLessThan(1e-5);
  });

  describe('in the library', () => {
    const folder = mkdtempSync(join(tmpdir(), 'latino-sdxl-'));
    afterAll(() => rmSync(folder, { recursive: true }));

    it.each([
      ['lora_te1_text_model_encoder_layers_0_self_attn_q_proj', '.lora_up.weight', '.lora_down.weight', [0, 32]],
      ['lora_te2_text_model_encoder_layers_0_self_attn_q_proj', '.lora_up.weight', '.lora_down.weight', [32, 72]],
      ['text_encoder.text_model.encoder.layers.0.self_attn.q_proj', '.lora_B.weight', '.lora_A.weight', [0, 32]],
      ['text_encoder_2.text_model.encoder.layers.0.self_attn.q_proj', '.lora_B.weight', '.lora_A.weight', [32, 72]],
    ] as const)('changes one text encoder by a LoRA with %s', async (module, up, down, [from, to]) => {
      const path = join(folder, `${module}.safetensors`);
      const width = to - from;
      const factors = {
        [`${module}${up}`]: { shape: [width, 1], data: new Float32Array(width).fill(1) },
        [`${module}${down}`]: { shape: [1, width], data: Float32Array.from({ length: width }, (_, i) => Math.sin(i)) },
      };
      writeFileSync(path, encodeSafetensors(factors, {}));
      const changed = await loadModel(addon, device, goldenPath(MODEL), { loras: [path] });
      using before = await model.condition([PROMPT]);
      using after = await changed.condition([PROMPT]);
      const [a, b] = [await read(before.promptEmbeds), await read(after.promptEmbeds)];
      const moved = Array.from({ length: 72 }, (_, channel) => a.some((value, i) => i % 72 === channel && value !== b[i]));
      expect(moved).toEqual(Array.from({ length: 72 }, (_, channel) => channel >= from && channel < to));
      await changed.dispose();
    });

    const options = { operator: superResolution({ factor: 4 }), sigma: 0.02, steps: 2, seed: 3 };
    const measurement = (width: number) => ({
      ...{ width, height: 16, channels: 3 as const },
      data: Float32Array.from({ length: 3 * 16 * width }, (_, i) => (i % 11) / 11),
    });

    it('restores a batch as one by one, calibrates, and restores with the saved embedding', async () => {
      await using latino = await Latino.load({ model: goldenPath(MODEL) });
      const prompts = ['a cat', 'a dog'];
      const batch = await latino.restoreBatch(
        prompts.map((prompt) => ({ input: measurement(24), prompt })),
        options,
      );
      for (const [k, prompt] of prompts.entries()) {
        const alone = await latino.restore(measurement(24), { ...options, prompt });
        expect(maxRelativeError(batch[k]!.image.data, alone.image.data)).toBeLessThan(1e-5);
      }

      const calibrated = await latino.restore(measurement(24), { ...options, calibrate: { passes: 1 } });
      const { embedding } = calibrated;
      expect(embedding!.pooled).toHaveLength(48);
      const path = join(folder, 'embedding.safetensors');
      await embedding!.save(path);
      const loaded = await Embedding.load(path);
      expect(loaded).toEqual(embedding);
      const again = await latino.restore(measurement(24), { ...options, embedding: loaded });
      expect(again.image.data).toEqual(calibrated.image.data);
      const shared = await latino.calibrate([measurement(24), measurement(16)], {
        operator: options.operator,
        sigma: 0.02,
        settings: { passes: 1 },
      });
      expect(shared.shape).toEqual([1, 77, 72]);

      const unpooled = new Embedding(loaded.data, loaded.shape, loaded.source);
      await expect(latino.restore(measurement(24), { ...options, embedding: unpooled })).rejects.toThrow(
        withCode('EMBEDDING', /no pooled one, expected one of 48/),
      );
      const foreign = new Embedding(loaded.data, loaded.shape, { ...loaded.source, textEncoder: 'another' }, loaded.pooled);
      await expect(latino.restore(measurement(24), { ...options, embedding: foreign })).rejects.toThrow(
        withCode('EMBEDDING', /text encoder another/),
      );
    });
  });
});
