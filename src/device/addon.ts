/** The contract between TypeScript and the native addon: every class and function that `native/addon` exports. */

import type { ErrorCode } from '../errors.js';

export type DType = 'f32' | 'f16' | 'i64';
export type Shape = readonly number[];
/** One number for all images of a batch [N, ...], or one for each. */
export type PerImage = number | readonly number[];
export type Seed = number | bigint;
export type Boundary = 'reflect' | 'replicate' | 'zero' | 'circular';

export interface TransferCounts {
  readonly uploads: number;
  readonly uploadBytes: number;
  readonly downloads: number;
  readonly downloadBytes: number;
}

/** Bytes. */
export interface MemoryCounts {
  readonly inUse: number;
  readonly pooled: number;
  readonly peak: number;
}

/**
 * Cancels work: what is computed from a tensor that was uploaded with it is skipped, or interrupted where it runs, and rejects with
 * ERR_LATINO_CANCELLED.
 */
export interface Cancellation {
  cancel(): void;
}

/** Where tensors live: memory plus an ordered queue. Every call enqueues and returns at once; only promises wait. */
export interface Device {
  readonly kind: 'cpu' | 'cuda';
  readonly index: number;
  readonly name: string;
  /** Threads of the host that share its loops: by default as many as the process may use cores (affinity, a container's quota). */
  readonly threads: number;
  /** Copies between host and device so far. */
  readonly transfers: TransferCounts;
  readonly memory: MemoryCounts;
  /**
   * Float32Array becomes f32, BigInt64Array i64, Uint16Array f16 bits. The device's queue copies what is larger than a megabyte, while JavaScript
   * goes on: the data must be neither changed nor transferred before the tensor is ready.
   */
  upload(data: Float32Array | BigInt64Array | Uint16Array, shape: Shape, cancellation?: Cancellation): Tensor;
  full(shape: Shape, value: number, dtype?: 'f32' | 'i64'): Tensor;
  /**
   * Standard normal noise from Philox4x32-10, keyed by (seed, call): the same numbers on every device. With a seed for each image, image k gets
   * the numbers that [1, ...] would get from its seed.
   */
  randn(shape: Shape, seed: Seed | readonly Seed[], call: number): Tensor;
  /** Resolves when all work enqueued so far is done. */
  synchronize(): Promise<void>;
  /** Gives back the memory that is kept for later work, as the device does itself when it has been idle for a moment and keeps much. Resolves when it has. */
  trim(): Promise<void>;
  /** Enqueues giving back what is free in the pools, for work that is about to want memory in other pieces; what was computed stays. */
  trimFree(): void;
}

/** A handle to device memory. Using it after `dispose()` throws ERR_LATINO_DISPOSED. */
export interface Tensor {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly disposed: boolean;
  /**
   * Downloads the values; rejects with the error of the work that should have written them. With `finite`, what is not
   * finite rejects with ERR_LATINO_NUMERIC.
   */
  read(options?: { readonly finite?: boolean }): Promise<Float32Array | BigInt64Array | Uint16Array>;
  /** Resolves when the tensor has been written (nothing is copied); rejects with the error of the work that failed. */
  ready(): Promise<void>;
  dispose(): void;
  [Symbol.dispose](): void;
}

/** A measurement model on a device; see native/operators/operator.h for each method's formula. */
export interface NativeOperator {
  /**
   * Resolves when the decompositions that residuals need have been computed, away from the event loop and from the device, which does that itself
   * where nobody has waited. Rejects with ERR_LATINO_CANCELLED once it is cancelled.
   */
  ready(cancellation?: Cancellation): Promise<void>;
  measurementShape(image: Shape): number[];
  imageShape(measurement: Shape): number[];
  forward(x: Tensor): Tensor;
  adjoint(y: Tensor): Tensor;
  residual(z: Tensor, y: Tensor): Tensor;
  /**
   * Operators without a closed form iterate, to rounding; with `sigma`, the standard deviation of the noise in y, no further than can be seen
   * beside what the noise and the prior leave unknown.
   */
  proxFromResidual(z: Tensor, residual: Tensor, gamma: number | Tensor, sigma?: PerImage): Tensor;
  prox(z: Tensor, y: Tensor, gamma: number | Tensor, sigma?: PerImage): Tensor;
  errorVariance(residual: Tensor, sigma: PerImage, floor: number): Tensor;
  discrepancyGamma(residual: Tensor, sigma: PerImage): Tensor;
  /** Device memory that it holds, in bytes. */
  readonly bytes: number;
  /** Gives that memory back when the work that uses it is done. Using the operator afterwards throws ERR_LATINO_DISPOSED. */
  dispose(): void;
  [Symbol.dispose](): void;
}

/** Only what is not zero: row i has `values[k]` in column `indices[k]` for k from `starts[i]` to before `starts[i + 1]`. Values of one place add up. */
export interface SparseMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly starts: Uint32Array;
  readonly indices: Uint32Array;
  readonly values: Float64Array;
}

export interface Taps {
  readonly height: number;
  readonly width: number;
  readonly centreY: number;
  readonly centreX: number;
  /** Row-major. */
  readonly values: Float64Array;
}

/** Windows of one size over [N, C, H, W], one for every pair of a row and a column that they start at; see native/kernels/windows.h. */
export interface WindowGrid {
  readonly rows: readonly number[];
  readonly columns: readonly number[];
  readonly height: number;
  readonly width: number;
  /** Pixels over which a window fades out where another goes on. */
  readonly ramp: number;
}

/** A file as it was when its header was read. */
export interface FileVersion {
  /** Bytes. */
  readonly size: number;
  /** Nanoseconds since 1970. */
  readonly modified: bigint;
}

/** A weight that is widened to float32, or was changed in memory, before ONNX Runtime sees it. */
export interface WeightSource {
  readonly name: string;
  readonly shape: Shape;
  readonly sourceType: 'F32' | 'F16' | 'BF16';
  readonly path?: string;
  readonly offset?: number;
  readonly data?: Uint8Array;
  /** Of the file: reading another one is an error. */
  readonly version?: FileVersion;
  /** Whether the transpose of this matrix is stored. */
  readonly isTransposed?: boolean;
  /** Added as the weight is read: factor * up down, with up [m, rank] and down [rank, n...] for a weight [m, n...]. */
  readonly updates?: readonly { readonly up: WeightSource; readonly down: WeightSource; readonly factor: number }[];
}

export interface SessionOptions {
  readonly folder?: string;
  readonly weights?: readonly WeightSource[];
  /** What layers of the native core name in their attributes; read when they first run, and not kept. */
  readonly layerWeights?: readonly WeightSource[];
  /** Those with weights that are read in place: once one has changed, the runs of the session fail. */
  readonly files?: readonly { readonly path: string; readonly version: FileVersion }[];
  /** Of ONNX Runtime and of the native core's layers; every core without it. */
  readonly threads?: number;
  /** Of making the session, which then rejects with ERR_LATINO_CANCELLED; runs are cancelled by what they are computed from. */
  readonly cancellation?: Cancellation;
}

/** A network on a device. `outputs` names the wanted outputs with their shapes. */
export interface Session {
  /** Time spent in ONNX Runtime by the runs of this session so far. */
  readonly busySeconds: number;
  /** Bytes of weights that have been read from their files so far, and of all that a run reads; without those that are read in place. */
  readonly readBytes: number;
  readonly weightBytes: number;
  run<Name extends string>(inputs: Readonly<Record<string, Tensor>>, outputs: Readonly<Record<Name, Shape>>): Record<Name, Tensor>;
  dispose(): void;
}

/** Pixels and metrics. They work on threads of their own; the arrays that they are given must be neither changed nor transferred meanwhile. */
export interface ImageFunctions {
  /**
   * Interleaved pixels (1 grey, 2 grey and alpha, 3 colour, 4 colour and alpha; integers of the type's whole range, floats in [0, 1]) as a planar
   * picture [channels, ...] in [-1, 1]: what is transparent is laid on white, grey is repeated, colour becomes Rec. 601 luma. Rejects with
   * ERR_LATINO_IMAGE when a float is not finite.
   */
  pictureFromPixels(pixels: Uint8Array | Uint16Array | Float32Array, pixelChannels: number, channels: 1 | 3): Promise<Float32Array>;
  /** Interleaved pixels of a picture, rounded to 8 or 16 bits; what lies outside [-1, 1] is clipped. */
  pixelsFromPicture(picture: Float32Array, channels: 1 | 3, bits: 8 | 16): Promise<Uint8Array | Uint16Array>;
  /** A picture of `channels` as one of `wanted` channels, as `pictureFromPixels` makes them. */
  changeChannels(picture: Float32Array, channels: 1 | 3, wanted: 1 | 3): Promise<Float32Array>;
  allFinite(values: Float32Array): Promise<boolean>;
  /** Bicubic interpolation of the picture's planes (Keys, a = -1/2), centred on pixels, the border replicated. */
  upscale(picture: Float32Array, from: PictureSize, to: PictureSize): Promise<Float32Array>;
  /** Of two pictures of one size, rounded to 8 bits, in dB; Infinity for equal ones. */
  psnr(a: Float32Array, b: Float32Array): Promise<number>;
  /** Of two pictures of one size, at least 11 × 11, rounded to 8 bits. */
  ssim(a: Float32Array, b: Float32Array, size: PictureSize): Promise<number>;
}

/** Pixels. */
export interface PictureSize {
  readonly height: number;
  readonly width: number;
}

export interface Addon extends ImageFunctions {
  /** Tells the addon what its errors are instances of. */
  setErrorClass(LatinoError: new (code: ErrorCode, message: string) => Error): void;
  openRuntime(libraryPath: string): void;
  runtimeVersion(): string;
  cancellation(): Cancellation;
  openDevice(name: string, options?: { threads?: number }): Device;
  createSession(device: Device, model: Uint8Array, options?: SessionOptions): Promise<Session>;
  /** A session at once, whose network is loaded when it first runs; what is wrong with it becomes the error of what it computes. */
  deferSession(device: Device, model: Uint8Array, options?: Omit<SessionOptions, 'cancellation'>): Session;

  linearCombination(a: PerImage, x: Tensor, b: PerImage, y: Tensor): Tensor;
  clip(x: Tensor, low: number, high: number): Tensor;
  norm(x: Tensor): Tensor;
  /** coefficient · x^exponent */
  power(x: Tensor, coefficient: PerImage, exponent: number): Tensor;
  /** Tensors [N_i, ...] of one type and shape beyond the first axis, one after the other: [sum N_i, ...]. */
  concatenate(tensors: readonly Tensor[]): Tensor;
  /** x [..., A] and y [..., B] side by side: [..., A + B]. */
  joinLast(x: Tensor, y: Tensor): Tensor;
  /** Images from..to-1 of a batch. */
  slice(x: Tensor, from: number, to: number): Tensor;
  fitFrame(x: Tensor, height: number, width: number): Tensor;

  /** Rows from..to-1 of what the bands [N, C, h_i, W] make when they are laid one below another. */
  rows(bands: readonly Tensor[], from: number, to: number): Tensor;
  /** Of each image of x [N, C, ...] and each group of channels: how many numbers, their mean and variance, [N, groups, 3]. */
  groupMoments(x: Tensor, groups: number): Tensor;
  /** Those of all parts together. */
  pooledMoments(parts: readonly Tensor[]): Tensor;

  /** The windows of x, [N · windows, C, height, width]: all of the first image, row by row, then all of the next. */
  cutWindows(x: Tensor, grid: WindowGrid): Tensor;
  /** The mean of windows by their weights where they overlap, [N, C, height, width]. */
  blendWindows(windows: Tensor, grid: WindowGrid, height: number, width: number): Tensor;
  /** The adjoint of `blendWindows`. */
  shareWindows(x: Tensor, grid: WindowGrid): Tensor;

  /**
   * total + scale · gradient / norm for embeddings [N, tokens, channels]; the norm is over each token or over all of an image, nothing is
   * added where it is 0. The first `frozenTokens` tokens of the result are 0 and count in no norm.
   */
  addNormalized(total: Tensor, gradient: Tensor, over: 'token' | 'image', scale: number, frozenTokens: number): Tensor;
  /** c + step · direction, each token drawn back to at most `radius` from its place in `centre`. */
  moveWithinBalls(c: Tensor, direction: Tensor, step: number, centre: Tensor, radius: number): Tensor;

  separable(device: Device, vertical: SparseMatrix, horizontal: SparseMatrix): NativeOperator;
  circularConvolution(device: Device, kernel: Taps, height: number, width: number, factor: number): NativeOperator;
  convolution(device: Device, kernel: Taps, height: number, width: number, factor: number, boundary: Boundary): NativeOperator;
  /** `missing` is anything but 0 where a pixel is missing. */
  mask(device: Device, height: number, width: number, missing: Uint8Array): NativeOperator;
  identity(device: Device): NativeOperator;
  channelMix(device: Device, weights: Float64Array): NativeOperator;
}
