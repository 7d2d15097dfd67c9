import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { LatinoError } from './errors.js';
import { encodeImage, fromPlanar, type Image, type ImageInput, readImage, writeImage } from './image/index.js';
import type { Addon, Device, NativeOperator, Tensor, TransferCounts } from './native/addon.js';
import { loadAddon } from './native/load.js';
import { buildOperator, imageSize, type Operator } from './operators/index.js';
import { LatentConsistencyModel } from './pipeline/latent_consistency_model.js';
import { latinoTimesteps } from './pipeline/schedule.js';
import { latino } from './solver/latino.js';
import { seededNoise } from './solver/model.js';
import type { OfficialProblem } from './solver/official_rules.js';
import { gammaRule, type StepRule } from './solver/step_rules.js';

export interface LoadOptions {
  /** A diffusers folder, or `portraits`, the embedded model. */
  readonly model?: string;
  /** `auto` takes a GPU where there is one. */
  readonly device?: 'auto' | 'cpu' | `cuda:${number}`;
  /** CPU threads; every core by default. */
  readonly threads?: number;
}

export interface Progress {
  /** Steps done, 1 to steps. */
  readonly step: number;
  readonly steps: number;
  /** The decoded estimate after this step, where `previews` was asked for. */
  readonly preview?: Image;
}

export interface RestoreOptions {
  /** What damaged the image. */
  readonly operator: Operator;
  /** Standard deviation of the noise on a [0, 1] image, in (0, 1]. */
  readonly sigma: number;
  readonly prompt?: string;
  /** 1 to 50, 8 by default. */
  readonly steps?: number;
  /** Non-negative integer; the same seed on the same device gives the same image. */
  readonly seed?: number;
  readonly stepRule?: StepRule;
  readonly start?: 'regularised' | 'official';
  readonly result?: 'decoded' | 'proximal';
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  /** Downloads a preview image after every step. */
  readonly previews?: boolean;
}

/** A restored image, on the host. */
export class Restoration {
  constructor(readonly image: Image) {}
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

const DEFAULT_PROMPT = 'a portrait of a person';
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
  ) {}

  /**
   * Loads a model.
   *
   * @throws LatinoError ERR_LATINO_MODEL when the folder holds no usable model, ERR_LATINO_DEVICE when the device is not there,
   * ERR_LATINO_ADDON when the native addon cannot be loaded.
   */
  static async load(options: LoadOptions = {}): Promise<Latino> {
    const { device = 'auto', threads } = options;
    const addon = loadAddon();
    const opened = addon.openDevice(device === 'auto' ? 'cpu' : device, { threads });
    return new Latino(addon, await LatentConsistencyModel.load(addon, opened, modelFolder(options.model), { threads }));
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
   * Restores one measurement.
   *
   * @param input a path, the bytes of an image file, or raw pixels
   * @throws LatinoError ERR_LATINO_ARGUMENT, ERR_LATINO_IMAGE, ERR_LATINO_OPERATOR, ERR_LATINO_SHAPE; the signal's reason on abort
   */
  async restore(input: ImageInput, options: RestoreOptions): Promise<Restoration> {
    const { operator: descriptor, prompt = DEFAULT_PROMPT, steps = 8, seed = 0, stepRule = 'auto', signal } = options;
    checkSigma(options.sigma);
    checkInteger('steps', steps, 1, 50);
    checkInteger('seed', seed, 0, Number.MAX_SAFE_INTEGER);
    if (
      typeof stepRule === 'number'
        ? !(stepRule > 0 && stepRule < Number.POSITIVE_INFINITY)
        : !['auto', 'discrepancy', 'official'].includes(stepRule)
    ) {
      throw new LatinoError(
        'ERR_LATINO_ARGUMENT',
        `Expected auto, discrepancy, official or a positive number for stepRule but received ${stepRule}`,
      );
    }
    checkChoice('start', options.start, ['regularised', 'official']);
    checkChoice('result', options.result, ['decoded', 'proximal']);
    signal?.throwIfAborted();
    const sigma = 2 * options.sigma;
    const measurement = await readImage(input, { channels: descriptor.kind === 'colorization' ? 1 : 3 });
    const size = imageSize(descriptor, measurement);
    const operator = this.operatorFor(descriptor, size);
    const promptEmbeds = await this.model.embed(prompt);

    using y = this.device.upload(measurement.data, [1, measurement.channels, measurement.height, measurement.width]);
    const previews: Promise<Image>[] = [];
    using restored = await latino(
      {
        kernels: this.addon,
        model: this.model,
        problem: { operator, y, sigma, imageShape: [1, 3, size.height, size.width], inpainting: descriptor.kind === 'inpainting' },
        gammaRule: gammaRule(this.addon, stepRule, officialProblem(descriptor, this.model.isXL)),
        noise: seededNoise(this.device, seed),
      },
      {
        promptEmbeds,
        timesteps: latinoTimesteps(steps),
        start: options.start,
        result: options.result,
        signal,
        observe: options.previews ? ({ x }) => previews.push(download(x)) : undefined,
        onStep: (step) => {
          const { onProgress } = options;
          if (!onProgress) return;
          const preview = previews[step - 1];
          if (preview)
            preview.then(
              (image) => onProgress({ step, steps, preview: image }),
              () => undefined,
            );
          else onProgress({ step, steps });
        },
      },
    ).finally(() => Promise.allSettled(previews));
    return new Restoration(await download(restored));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  /** Frees the model; restorations under way fail. */
  async dispose(): Promise<void> {
    this.operators.clear();
    await this.model.dispose();
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

function officialProblem(operator: Operator, isXL: boolean): OfficialProblem {
  const family = isXL ? 'sdxl' : 'sd15';
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

function checkSigma(sigma: number): void {
  if (!(sigma > 0 && sigma <= 1))
    throw new LatinoError('ERR_LATINO_ARGUMENT', `Expected a number in (0, 1] for sigma but received ${sigma}`);
}

function checkChoice(name: string, value: string | undefined, choices: readonly string[]): void {
  if (value !== undefined && !choices.includes(value))
    throw new LatinoError('ERR_LATINO_ARGUMENT', `Expected ${choices.join(' or ')} for ${name} but received ${value}`);
}

function checkInteger(name: string, value: number, low: number, high: number): void {
  if (!Number.isInteger(value) || value < low || value > high) {
    throw new LatinoError('ERR_LATINO_ARGUMENT', `Expected an integer from ${low} to ${high} for ${name} but received ${value}`);
  }
}
