import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LoraOptions } from './checkpoint/lora.js';
import { latinoTimesteps } from './checkpoint/schedule.js';
import { checkChoice, checkInteger, checkSigma } from './checks.js';
import type { Addon, Device, NativeOperator, Tensor, TransferCounts } from './device/addon.js';
import { loadAddon } from './device/load.js';
import { LatinoError } from './errors.js';
import { encodeImage, fromPlanar, type Image, type ImageInput, readImage, writeImage } from './image/index.js';
import { buildOperator, imageSize, type Operator } from './operators/index.js';
import { Embedding, requireFit } from './prior/embedding.js';
import { LatentConsistencyModel } from './prior/latent_consistency_model.js';
import { calibrationNoise, type NoiseSource, seededNoise } from './prior/prior.js';
import { type CalibrationChanges, type CalibrationPreset, calibrationSettings } from './solver/calibration_settings.js';
import { latino } from './solver/latino.js';
import { type Calibration, type CalibrationPass, type CalibrationSettings, calibrate } from './solver/latino_pro.js';
import type { OfficialProblem } from './solver/official_rules.js';
import type { Problem, Run } from './solver/step.js';
import { gammaRule, type StepRule } from './solver/step_rules.js';

export interface LoadOptions {
  /** A diffusers folder, or `portraits`, the embedded model. */
  readonly model?: string;
  /** `auto` takes a GPU where there is one. */
  readonly device?: 'auto' | 'cpu' | `cuda:${number}`;
  /** CPU threads; every core by default. */
  readonly threads?: number;
  /** Folder of an autoencoder that takes the place of the model's own: TAESD, for example. */
  readonly vae?: string;
  /** LoRA files whose changes are added to the weights, such as LCM-LoRA, which makes a latent consistency model of Stable Diffusion 1.5. */
  readonly loras?: readonly (string | LoraOptions)[];
  /** The guidance scale, 1 or more, of a model that was distilled for many (time_cond_proj_dim, as LCM Dreamshaper); 8.5 by default. */
  readonly guidance?: number;
}

export interface Progress {
  /** Steps done, 1 to steps; 0 while the prompt is calibrated. */
  readonly step: number;
  readonly steps: number;
  /** The decoded estimate after this step, where `previews` was asked for. */
  readonly preview?: Image;
  /** What a pass of the calibration came to, where `calibrate` was asked for. */
  readonly calibration?: CalibrationPass;
}

/** What was measured, and what is known of the image. */
export interface MeasurementOptions {
  /** What damaged the image. */
  readonly operator: Operator;
  /** Standard deviation of the noise on a [0, 1] image, in (0, 1]. */
  readonly sigma: number;
  /** What the image shows; a portrait with the embedded model, `a photo` with any other, where nothing is said. */
  readonly prompt?: string;
  /** Takes the place of the prompt. */
  readonly embedding?: Embedding;
  /** Non-negative integer; the same seed on the same device gives the same result. */
  readonly seed?: number;
  readonly stepRule?: StepRule;
  readonly start?: 'regularised' | 'official';
  readonly signal?: AbortSignal;
}

export interface RestoreOptions extends MeasurementOptions {
  /** 1 to 50, 8 by default. */
  readonly steps?: number;
  readonly result?: 'decoded' | 'proximal';
  /** LATINO-PRO: calibrates the prompt or the embedding on this measurement first. A preset, or settings that differ from one. */
  readonly calibrate?: boolean | CalibrationPreset | CalibrationChanges;
  readonly onProgress?: (progress: Progress) => void;
  /** Downloads a preview image after every step. */
  readonly previews?: boolean;
}

export interface CalibrateOptions extends MeasurementOptions {
  /** A preset, or settings that differ from one; the default preset where there are none. */
  readonly settings?: CalibrationPreset | CalibrationChanges;
  readonly onProgress?: (pass: CalibrationPass) => void;
}

/** A restored image, on the host. */
export class Restoration {
  constructor(
    readonly image: Image,
    /** What the prompt was calibrated to, where `calibrate` was asked for. */
    readonly embedding?: Embedding,
  ) {}
  get width(): number {
    return this.image.width;
  }
  get height(): number {
    return this.image.height;
  }
  /** Writes PNG, JPEG, WebP or TIFF by the file's extension; the file appears whole or not at all. */
  toFile(path: string, options?: { bitDepth?: 8 | 16 }): Promise<void> {
    return writeImage(path, this.image, options);
  }
  toBuffer(format: 'png' | 'jpeg' | 'webp' | 'tiff' = 'png', options?: { bitDepth?: 8 | 16 }): Promise<Buffer> {
    return encodeImage(this.image, format, options);
  }
}

/** Which of the authors' tables `official` step sizes come from. */
type OfficialTable = Pick<OfficialProblem, 'method' | 'steps'>;

/** What images show when nobody says it: those of the embedded model, and those of any other. */
const DEFAULT_PROMPTS = { portraits: 'a portrait of a person', other: 'a photo' };
const CACHED_OPERATORS = 16;

/** Folder of a model given by name or path. */
export function modelFolder(model = 'portraits'): string {
  if (model !== 'portraits' || existsSync('portraits/model_index.json')) return model;
  return fileURLToPath(new URL('../models/portraits-lcm', import.meta.url));
}

/** Restores images with one loaded model; calls may run side by side. */
export class Latino implements AsyncDisposable {
  private readonly operators = new Map<string, NativeOperator>();

  private constructor(
    private readonly addon: Addon,
    private readonly model: LatentConsistencyModel,
    private readonly defaultPrompt: string,
  ) {}

  /**
   * Loads a model.
   *
   * @throws LatinoError ERR_LATINO_MODEL when the folder holds no usable model, ERR_LATINO_DEVICE when the device is not there,
   * ERR_LATINO_ADDON when the native addon cannot be loaded, ERR_LATINO_ARGUMENT when an option is of another kind or the model cannot take it.
   */
  static async load(options: LoadOptions = {}): Promise<Latino> {
    const { device = 'auto', model, threads, vae, loras, guidance } = options;
    const addon = loadAddon();
    const opened = addon.openDevice(device === 'auto' ? 'cpu' : device, { threads });
    const folder = modelFolder(model);
    const loaded = await LatentConsistencyModel.load(addon, opened, folder, { threads, vae, loras, guidance });
    return new Latino(addon, loaded, resolve(folder) === resolve(modelFolder()) ? DEFAULT_PROMPTS.portraits : DEFAULT_PROMPTS.other);
  }

  get device(): Device {
    return this.model.device;
  }

  /** Copies between host and device since the model was loaded. */
  get transfers(): TransferCounts {
    return this.device.transfers;
  }

  /** A measurement y = A x + noise of an image, as `latino-native degrade` makes it. */
  async degrade(input: ImageInput, options: { operator: Operator; sigma: number; seed?: number }): Promise<Restoration> {
    return degrade(this.addon, this.device, input, options);
  }

  /**
   * Restores one measurement (LATINO); with `calibrate`, after calibrating the prompt on it (LATINO-PRO). The noise of the restoration is that
   * of the seed in either case, so that restoring with the calibrated embedding and the same seed gives the same image.
   *
   * Calibration downloads the embedding; with `onProgress`, also one number a step that has a gradient and one a pass.
   *
   * @param input a path, the bytes of an image file, or raw pixels
   * @throws LatinoError ERR_LATINO_ARGUMENT, ERR_LATINO_IMAGE, ERR_LATINO_OPERATOR, ERR_LATINO_SHAPE, or ERR_LATINO_EMBEDDING when the embedding
   * is of another shape than the model's; the signal's reason on abort
   */
  async restore(input: ImageInput, options: RestoreOptions): Promise<Restoration> {
    const { steps = 8, seed = 0, signal, onProgress } = options;
    this.check(options);
    checkInteger('steps', steps, 1, 50);
    checkChoice('result', options.result, ['decoded', 'proximal']);
    const settings = options.calibrate ? calibrationSettings(options.calibrate, this.model.embeddingShape[1]) : undefined;
    signal?.throwIfAborted();
    const problem = await this.measure(input, options);
    using _y = problem.y;
    using prompted = await this.conditioning(options);
    const onPass = onProgress && ((calibration: CalibrationPass) => onProgress({ step: 0, steps, calibration }));
    using calibration = settings && (await this.estimate([problem], prompted.promptEmbeds, settings, options, onPass));
    const embedding = calibration && (await this.downloadEmbedding(calibration.promptEmbeds, options));

    const previews: Promise<Image>[] = [];
    const table: OfficialTable = { method: settings ? 'latino-pro' : 'latino', steps };
    using restored = await latino(this.runOn(problem, options, seededNoise(this.device, seed), table), {
      promptEmbeds: calibration?.promptEmbeds ?? prompted.promptEmbeds,
      timesteps: latinoTimesteps(steps),
      start: options.start,
      result: options.result,
      signal,
      observe: options.previews ? ({ x }) => previews.push(download(x)) : undefined,
      onStep: (step) => {
        if (!onProgress) return;
        const preview = previews[step - 1];
        if (preview)
          preview.then(
            (image) => onProgress({ step, steps, preview: image }),
            () => undefined,
          );
        else onProgress({ step, steps });
      },
    }).finally(() => Promise.allSettled(previews));
    return new Restoration(await download(restored), embedding);
  }

  /**
   * Calibrates one embedding on several measurements of the same kind (LATINO-PRO; Spagnoletti et al. 2025, algorithm 2): the text conditioning
   * that makes them likely together. Their images should show the same sort of thing and may differ in size. All are held in memory at once.
   *
   * @param inputs paths, bytes of image files, or raw pixels; at least one
   * @throws LatinoError as `restore` does; the signal's reason on abort
   */
  async calibrate(inputs: readonly ImageInput[], options: CalibrateOptions): Promise<Embedding> {
    if (!Array.isArray(inputs) || inputs.length === 0)
      throw new LatinoError('ERR_LATINO_ARGUMENT', 'Expected an array of at least one measurement to calibrate on');
    this.check(options);
    const settings = calibrationSettings(options.settings ?? true, this.model.embeddingShape[1]);
    options.signal?.throwIfAborted();
    const problems: Problem[] = [];
    try {
      for (const input of inputs as readonly ImageInput[]) problems.push(await this.measure(input, options));
      using prompted = await this.conditioning(options);
      using calibration = await this.estimate(problems, prompted.promptEmbeds, settings, options, options.onProgress);
      return await this.downloadEmbedding(calibration.promptEmbeds, options);
    } finally {
      for (const { y } of problems) y.dispose();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  /** Frees the model; restorations under way fail. */
  async dispose(): Promise<void> {
    this.operators.clear();
    await this.model.dispose();
  }

  private check({ sigma, seed = 0, stepRule = 'auto', start, embedding }: MeasurementOptions): void {
    checkSigma(sigma);
    checkInteger('seed', seed, 0, Number.MAX_SAFE_INTEGER);
    if (typeof stepRule === 'number' ? !(stepRule > 0 && stepRule < Infinity) : !['auto', 'discrepancy', 'official'].includes(stepRule)) {
      throw new LatinoError(
        'ERR_LATINO_ARGUMENT',
        `Expected auto, discrepancy, official or a positive number for stepRule but received ${stepRule}`,
      );
    }
    checkChoice('start', start, ['regularised', 'official']);
    if (embedding === undefined) return;
    if (!(embedding instanceof Embedding))
      throw new LatinoError('ERR_LATINO_ARGUMENT', `Expected an Embedding for embedding but received one of type ${typeof embedding}`);
    requireFit(embedding, this.model.embeddingShape);
  }

  /** Reads a measurement and puts it on the device; the caller disposes y. */
  private async measure(input: ImageInput, options: MeasurementOptions): Promise<Problem> {
    const { operator: descriptor } = options;
    const { data, channels, height, width } = await readImage(input, { channels: descriptor.kind === 'colorization' ? 1 : 3 });
    const size = imageSize(descriptor, { width, height });
    const operator = this.operatorFor(descriptor, size);
    const y = this.device.upload(data, [1, channels, height, width]);
    const inpainting = descriptor.kind === 'inpainting';
    return { operator, y, sigma: 2 * options.sigma, imageShape: [1, 3, size.height, size.width], inpainting };
  }

  private async conditioning({
    prompt = this.defaultPrompt,
    embedding,
  }: MeasurementOptions): Promise<{ promptEmbeds: Tensor } & Disposable> {
    if (!embedding) return { promptEmbeds: await this.model.embed(prompt), [Symbol.dispose]: () => undefined };
    const promptEmbeds = this.device.upload(embedding.data, embedding.shape);
    return { promptEmbeds, [Symbol.dispose]: () => promptEmbeds.dispose() };
  }

  private runOn(problem: Problem, { operator, stepRule = 'auto' }: MeasurementOptions, noise: NoiseSource, table: OfficialTable): Run {
    const rule = gammaRule(this.addon, stepRule, { ...officialProblem(operator), ...table });
    return { kernels: this.addon, model: this.model, problem, gammaRule: rule, noise };
  }

  private async estimate(
    problems: readonly Problem[],
    promptEmbeds: Tensor,
    settings: CalibrationSettings,
    options: MeasurementOptions,
    onPass?: (pass: CalibrationPass) => void,
  ): Promise<Calibration> {
    const { start, signal, seed = 0 } = options;
    const gradientOf = await this.model.loadEmbeddingGradient();
    const noise = calibrationNoise(this.device, seed);
    const table: OfficialTable = { method: 'latino-pro', steps: settings.timesteps.length };
    const runs = problems.map((problem) => this.runOn(problem, options, noise, table));
    return calibrate(this.addon, runs, gradientOf, { ...settings, promptEmbeds, start, signal, onPass });
  }

  private async downloadEmbedding(
    promptEmbeds: Tensor,
    { prompt = this.defaultPrompt, embedding }: MeasurementOptions,
  ): Promise<Embedding> {
    const source = { prompt: embedding ? embedding.source.prompt : prompt, model: 'UNet2DConditionModel' };
    return new Embedding((await promptEmbeds.read()) as Float32Array, promptEmbeds.shape, source);
  }

  private operatorFor(descriptor: Operator, size: { height: number; width: number }): NativeOperator {
    const key = JSON.stringify([size.height, size.width, descriptor], (_, value: unknown) =>
      ArrayBuffer.isView(value) ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') : value,
    );
    const known = this.operators.get(key);
    if (known) return known;
    const built = buildOperator(this.addon, this.device, descriptor, size);
    this.operators.set(key, built);
    if (this.operators.size > CACHED_OPERATORS) this.operators.delete(this.operators.keys().next().value!);
    return built;
  }
}

/** y = A x + noise with x in [-1, 1] and noise of 2 sigma there. Needs no model. */
export async function degrade(
  addon: Addon,
  device: Device,
  input: ImageInput,
  { operator: descriptor, sigma, seed = 0 }: { operator: Operator; sigma: number; seed?: number },
): Promise<Restoration> {
  if (!(sigma >= 0 && sigma <= 1))
    throw new LatinoError('ERR_LATINO_ARGUMENT', `Expected a number in [0, 1] for sigma but received ${sigma}`);
  const image = await readImage(input, { channels: 3 });
  const operator = buildOperator(addon, device, descriptor, image);
  using x = device.upload(image.data, [1, 3, image.height, image.width]);
  using clean = operator.forward(x);
  using noise = device.randn(clean.shape, seed, 0);
  using noisy = addon.linearCombination(1, clean, 2 * sigma, noise);
  // Noise of unseen pixels is no part of a measurement.
  using y = descriptor.kind === 'inpainting' ? operator.forward(noisy) : undefined;
  return new Restoration(await download(y ?? noisy));
}

async function download(tensor: Tensor): Promise<Image> {
  const [, channels, height, width] = tensor.shape;
  return fromPlanar((await tensor.read()) as Float32Array, { channels: channels as 1 | 3, height: height!, width: width! });
}

function officialProblem(operator: Operator): OfficialProblem {
  const family = 'sd15';
  switch (operator.kind) {
    case 'super-resolution':
      return { family, task: 'super-resolution', factor: operator.factor };
    case 'gaussian-blur':
      return { family, task: 'gaussian', kernelSigma: operator.sigma };
    case 'motion-blur':
    case 'convolution':
      return { family, task: 'motion' };
    case 'inpainting':
      return { family, task: 'inpainting' };
    default:
      return { family, task: 'other' };
  }
}
