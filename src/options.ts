import { z } from 'zod';
import { DEVICE_NAME, DEVICE_NAMES } from './device/default_device.js';
import { type Image, type ImageInput, READABLE_FORMATS } from './image/index.js';
import type { Operator } from './operators/index.js';
import { Embedding } from './prior/embedding.js';
import type { ReadingProgress } from './prior/reading_progress.js';
import { CalibrationChanges, type CalibrationPreset } from './solver/calibration_settings.js';

/** What happened that is no failure, but may not be what the caller expects. */
export interface Warning {
  /**
   * Stable. `WARN_LATINO_PROMPT_CUT`: the text encoder takes fewer tokens than the prompt has. `WARN_LATINO_UNKNOWN_IMAGE`: the embedded model was
   * made for other images than this one seems to be. `WARN_LATINO_SIGMA_UNSURE`: the estimate of the noise level may be off.
   * `WARN_LATINO_BORDER`: the blur is said to wrap around, the picture does not.
   */
  readonly code: 'WARN_LATINO_PROMPT_CUT' | 'WARN_LATINO_UNKNOWN_IMAGE' | 'WARN_LATINO_SIGMA_UNSURE' | 'WARN_LATINO_BORDER';
  readonly message: string;
  /** Which images of a batch it is about, from 0; all, where it is not said. */
  readonly images?: readonly number[];
}

/** What a pass of a calibration came to. */
export interface CalibrationPass {
  /** From 1. */
  readonly pass: number;
  readonly passes: number;
  /** Surrogate of the log marginal likelihood, the mean over the pass of -|z_next - sqrt(a') z0(c)|² / (2 (1 - a')); higher is better. */
  readonly surrogate: number;
  /** |c - c0| over all tokens. */
  readonly distance: number;
}

export interface Progress {
  /** Steps done, 1 to steps; 0 while the prompt is calibrated. */
  readonly step: number;
  readonly steps: number;
  /** The decoded estimate after this step, where `previews` was asked for; of a batch, that of the first image. */
  readonly preview?: Image;
  /** What a pass of the calibration came to, where `calibrate` was asked for. */
  readonly calibration?: CalibrationPass;
}

const callback = <Argument>() => z.custom<(argument: Argument) => void>((value) => typeof value === 'function', 'a function');
const Signal = z.instanceof(AbortSignal, { error: 'an AbortSignal' });
const Seed = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
const Sigma = z.union([z.literal('auto'), z.number().positive().max(1)]);
const Start = z.enum(['regularised', 'official']);
const StepRule = z.union([z.enum(['auto', 'discrepancy', 'official']), z.number().positive()], {
  error: 'auto, discrepancy, official or a positive number',
});

/** What of a model is taken from where. */
export const source = {
  /**
   * A UNet that takes the place of the model's own: a folder, as diffusers saves one by itself, or a .safetensors file with the weights of one that
   * is built alike, by itself, as DMD2's is published, or in a whole checkpoint.
   */
  unet: z.string().optional(),
  /** An autoencoder, likewise: TAESD, for example. */
  vae: z.string().optional(),
  /**
   * An autoencoder for the steps before the last, such as TAESD, likewise: most of a step's time is the autoencoder's. The last step and the result go
   * through the model's own.
   */
  autoencoder: z.string().optional(),
  /** A text encoder, likewise. */
  textEncoder: z.string().optional(),
  /** The second text encoder of SDXL, likewise. */
  textEncoder2: z.string().optional(),
  /** LoRA files whose changes are added to the weights, such as LCM-LoRA, which makes a latent consistency model of Stable Diffusion 1.5. */
  loras: z
    .array(
      z.union([
        z.string(),
        z.strictObject({
          /** A .safetensors file, or a folder with one named pytorch_lora_weights.safetensors. */
          path: z.string(),
          /** What the changes are multiplied by; 1 by default. */
          strength: z.number().optional(),
        }),
      ]),
    )
    .readonly()
    .optional(),
  /** The guidance scale, 1 or more, of a model that was distilled for many (time_cond_proj_dim, as LCM Dreamshaper); 8.5 by default. */
  guidance: z.number().min(1).optional(),
};

export const LoadOptions = z.strictObject({
  /**
   * A diffusers folder, a checkpoint in a single .safetensors file, the name of a model in Hugging Face's cache (`organisation/model`, or with
   * `/file.safetensors`) or its folder there, or the name of an embedded model:
   * `photos`, the default, or `portraits`.
   */
  model: z.string().optional(),
  /** `auto`, the default, is what the environment's `LATINO_DEVICE` names, else the CPU, until restorations on GPUs are known to be right. */
  device: z.custom<'auto' | 'cpu' | `cuda:${number}`>((value) => DEVICE_NAME.test(String(value)), DEVICE_NAMES).optional(),
  /** What UNet and text encoders are computed in: `float32`, the default, or on a GPU `float16`, which rounds more. */
  precision: z.enum(['float32', 'float16']).optional(),
  /**
   * Of the autoencoder, which takes the most for a large image: `low` computes it in bands, for up to twice the time, unless it takes little;
   * `balanced`, the default, where it would take more than a quarter of the machine's memory as a whole; `fast` where it would take more than three
   * quarters. The result is the same but for rounding.
   */
  memory: z.enum(['low', 'balanced', 'fast']).optional(),
  /** CPU threads; every core that the process may use by default. */
  threads: z.int().min(1).max(1024).optional(),
  ...source,
  /**
   * Called as the weights of the UNet and the autoencoder are read, which is most of a load from a slow disk. Weights are read when a network first
   * runs, so that it goes on into the first step of the first restoration. It must not throw.
   */
  onProgress: callback<ReadingProgress>().optional(),
  /** Stops the load. */
  signal: Signal.optional(),
});
export type LoadOptions = Readonly<z.input<typeof LoadOptions>>;

/** Which files are read, and what of them. */
const reading = {
  /** Pixels of a file's image: a file with more is refused before any is decoded. 100 million by default. */
  maxPixels: z.int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
  /**
   * Formats of files that are read, as sharp calls them: by default png, jpeg, webp, tiff and heif, which is AVIF too. A sharp pipeline or pixels are
   * of none.
   */
  formats: z.array(z.enum(READABLE_FORMATS)).min(1).readonly().optional(),
  /**
   * `keep`: the result has the ICC profile and the EXIF of the measurement's file, but for the orientation, as it is upright, and the thumbnail. Its
   * numbers are then of the profile's colours, as the file's are, and nothing is lost of a gamut that is wider than sRGB; TIFF takes the profile
   * only. `drop` (default): colours are read as sRGB.
   */
  metadata: z.enum(['keep', 'drop']).optional(),
};

type Reading = { readonly [Name in keyof typeof reading]?: z.output<(typeof reading)[Name]> };
/** Of any options, those of reading. */
export const readingOf = ({ maxPixels, formats, metadata }: Reading): Reading => ({ maxPixels, formats, metadata });

/** What one measurement may have of its own. */
const own = {
  /** Standard deviation of the noise on a [0, 1] image, in (0, 1]; `auto`, the default, estimates it from the measurement. */
  sigma: Sigma.optional(),
  /** What the image shows; `a photo`, and a portrait with the embedded model of portraits, where nothing is said. */
  prompt: z.string().optional(),
  /** Takes the place of the prompt. */
  embedding: z.instanceof(Embedding, { error: 'an Embedding' }).optional(),
  /** The same seed on the same device gives the same result; 0 by default. */
  seed: Seed.optional(),
};

/** What was measured, and what is known of the image. */
const MeasurementOptions = z.strictObject({
  /** What damaged the image. */
  operator: z.custom<Operator>(),
  ...own,
  ...reading,
  /** How far each step trusts the data: `auto` (empirical Bayes, the default), `discrepancy`, the authors' tables (`official`), or a constant delta. */
  stepRule: StepRule.optional(),
  /** `regularised` (default): a regularised inverse; `official`: Aᵀy, or the filled hole, as in the authors' code. */
  start: Start.optional(),
  /** Stops the work at once. */
  signal: Signal.optional(),
  /** Called with what may not be as expected; by default such a warning is emitted on the process. */
  onWarning: callback<Warning>().optional(),
});
export type MeasurementOptions = Readonly<z.input<typeof MeasurementOptions>>;

export const RestoreOptions = MeasurementOptions.extend({
  /** 1 to 50; by default 8, with the embedded model of photographs 32 to fill holes, and 12 where there is nothing but noise, and much of it. */
  steps: z.int().min(1).max(50).optional(),
  /**
   * `decoded`: the paper's; `proximal`: the last point that keeps the data, better at low noise. By default `decoded`, but `proximal` for images
   * that a model of one subject, such as portraits, does not know.
   */
  result: z.enum(['decoded', 'proximal']).optional(),
  /** LATINO-PRO: calibrates the prompt or the embedding on this measurement first. A preset, or settings that differ from one. */
  calibrate: z.custom<boolean | CalibrationPreset | CalibrationChanges>().optional(),
  /** Called after every step. What it throws stops the restoration and is thrown by it. */
  onProgress: callback<Progress>().optional(),
  /** Downloads a preview image after every step, for `onProgress`. */
  previews: z.boolean().optional(),
  /** Downloads the gamma of every step when all are done, for the record. */
  gammas: z.boolean().optional(),
});
export type RestoreOptions = Readonly<z.input<typeof RestoreOptions>>;

/** Of one measurement of a batch: what differs from the options of all. */
export const BatchMeasurement = z.strictObject({ ...z.strictObject(own).partial().shape, input: z.unknown() });

/** A measurement of a batch, with what differs from the options of all. */
export interface BatchInput extends Partial<Pick<RestoreOptions, 'sigma' | 'prompt' | 'embedding' | 'seed'>> {
  /** See `ImageInput`. */
  readonly input: ImageInput;
}

/** Images that are solved together at most, unless told otherwise. */
export const MOST_TOGETHER = 16;
const Together = z.int().min(1).max(256);
const Concurrency = z.int().min(1).max(64);

export const QueueOptions = z.strictObject({
  /** Restorations that run at a time; 2 by default, so that one is solved while another is sent and fetched. */
  concurrency: Concurrency.optional(),
  /** Images that may wait before more are refused with ERR_LATINO_BUSY; 64 by default. */
  capacity: z.int().min(1).optional(),
  /** Images of one size and one problem that are solved together, at most; what the device is best at by default. */
  together: Together.optional(),
});
export type QueueOptions = Readonly<z.input<typeof QueueOptions>>;

/** What each of many images may have of its own. */
const OfMany = RestoreOptions.omit({ signal: true, onWarning: true, onProgress: true, previews: true }).partial();
export type ManyOptions = Readonly<z.input<typeof OfMany>>;
export const ManyMeasurement = OfMany.extend({ input: z.unknown() });

export const RestoreManyOptions = OfMany.extend({
  /** `kept` (default): results come in the order of the inputs; `any`: as they are done. */
  order: z.enum(['kept', 'any']).optional(),
  concurrency: QueueOptions.shape.concurrency,
  together: QueueOptions.shape.together,
  /** Stops the work at once. */
  signal: Signal.optional(),
});
export type RestoreManyOptions = Readonly<z.input<typeof RestoreManyOptions>>;

export const EstimateSigmaOptions = z.strictObject({
  /** What damaged the image, noise aside. */
  operator: z.custom<Operator>(),
});
export type EstimateSigmaOptions = Readonly<z.input<typeof EstimateSigmaOptions>>;

export const CalibrateOptions = MeasurementOptions.extend({
  /** A preset, or settings that differ from one; the default preset where there are none. */
  settings: z.custom<CalibrationPreset | CalibrationChanges>().optional(),
  /** Called after every pass. What it throws stops the calibration and is thrown by it. */
  onProgress: callback<CalibrationPass>().optional(),
});
export type CalibrateOptions = Readonly<z.input<typeof CalibrateOptions>>;

export const DegradeOptions = z.strictObject({
  /** What damages the image. */
  operator: z.custom<Operator>(),
  /** Standard deviation of the noise on a [0, 1] image, in [0, 1]. */
  sigma: z.number().min(0).max(1),
  /** Of the noise; 0 by default. */
  seed: Seed.optional(),
  ...reading,
  signal: Signal.optional(),
});
export type DegradeOptions = Readonly<z.input<typeof DegradeOptions>>;
export { CalibrationChanges };
