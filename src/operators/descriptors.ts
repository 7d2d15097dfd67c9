import type { Boundary } from '../device/addon.js';
import { LatinoError } from '../errors.js';

export type { Boundary } from '../device/addon.js';
export type ResizeFilter = 'bicubic' | 'bilinear' | 'gaussian' | 'box' | 'lanczos';
/** `centre`: the antialiased resize of Pillow and web tools. `reference`: the paper code's, whose pixels sit half a pixel of y up and left. */
export type Phase = 'centre' | 'reference';

export const FILTERS: readonly ResizeFilter[] = ['bicubic', 'bilinear', 'gaussian', 'box', 'lanczos'];
export const PHASES: readonly Phase[] = ['centre', 'reference'];
export const BOUNDARIES: readonly Boundary[] = ['circular', 'reflect', 'replicate', 'zero'];
/** Luma weights of Rec. 601. */
export const LUMA: readonly [number, number, number] = [0.299, 0.587, 0.114];

/** A convolution kernel, row-major; a true convolution turns it by 180 degrees. */
export interface Kernel {
  readonly height: number;
  readonly width: number;
  readonly taps: ArrayLike<number>;
}

/** Where pixels are missing: 1 (or anything from 0.5) is missing, 0 is seen; row-major. */
export interface MissingPixels {
  readonly height: number;
  readonly width: number;
  readonly values: ArrayLike<number>;
}

export interface SuperResolution {
  readonly kind: 'super-resolution';
  readonly factor: number;
  readonly filter: ResizeFilter;
  readonly phase: Phase;
  /** How the picture goes on beyond its border; only with phase `reference`, the other renormalises its taps there. */
  readonly boundary: 'reflect' | 'circular';
}

export interface GaussianBlur {
  readonly kind: 'gaussian-blur';
  /** Standard deviation in pixels; the taps reach ceil(3 sigma) to each side. */
  readonly sigma: number;
  readonly boundary: Boundary;
}

/** A straight movement of `length` pixels, at `angle` degrees counter-clockwise from the horizontal. */
export interface LinearMotion {
  readonly length: number;
  readonly angle: number;
}

/** A random path in a frame of size × size pixels; intensity from 0 (straight) to 1 (shaky). */
export interface RandomMotion {
  readonly size: number;
  readonly seed: number;
  readonly intensity: number;
}

export interface MotionBlur {
  readonly kind: 'motion-blur';
  readonly motion: LinearMotion | RandomMotion;
  readonly boundary: Boundary;
}

export interface Convolution {
  readonly kind: 'convolution';
  readonly kernel: { readonly height: number; readonly width: number; readonly taps: Float64Array };
  /** Row and column of the kernel's centre. */
  readonly centre: readonly [number, number];
  readonly boundary: Boundary;
}

export interface Inpainting {
  readonly kind: 'inpainting';
  /** The missing pixels: a mask, or a box [top, left, height, width]. */
  readonly missing: { readonly height: number; readonly width: number; readonly values: Uint8Array } | { readonly box: Box };
}
export type Box = readonly [top: number, left: number, height: number, width: number];

export interface Denoising {
  readonly kind: 'denoising';
}

export interface Colorization {
  readonly kind: 'colorization';
  /** y = sum of weights[c] x[c]. */
  readonly weights: readonly [number, number, number];
}

/** What damaged an image, as plain data. */
export type Operator = SuperResolution | GaussianBlur | MotionBlur | Convolution | Inpainting | Denoising | Colorization;

/** Super-resolution by an integer factor from 2 to 32. */
export function superResolution(options: {
  factor: number;
  filter?: ResizeFilter;
  phase?: Phase;
  boundary?: 'reflect' | 'circular';
}): SuperResolution {
  const { factor, filter = 'bicubic', phase = 'centre', boundary = 'reflect' } = options;
  requireInteger('factor', factor, 2, 32);
  requireOneOf('filter', filter, FILTERS);
  requireOneOf('phase', phase, PHASES);
  requireOneOf('boundary', boundary, ['reflect', 'circular']);
  if (phase === 'centre' && options.boundary !== undefined) {
    throw expected('phase reference with a boundary (phase centre renormalises its taps at the border)', phase);
  }
  return { kind: 'super-resolution', factor, filter, phase, boundary };
}

/** Gaussian blur of standard deviation `sigma` pixels. */
export function gaussianBlur({ sigma, boundary = 'circular' }: { sigma: number; boundary?: Boundary }): GaussianBlur {
  requireNumber('sigma of the blur', sigma, 0.01, 1000);
  requireOneOf('boundary', boundary, BOUNDARIES);
  return { kind: 'gaussian-blur', sigma, boundary };
}

/** Motion blur along a line, or along a random path that a seed determines. */
export function motionBlur(
  options: (LinearMotion | { seed: number; size?: number; intensity?: number }) & { readonly boundary?: Boundary },
): MotionBlur {
  const { boundary = 'circular' } = options;
  requireOneOf('boundary', boundary, BOUNDARIES);
  if ('seed' in options) {
    const { seed, size = 25, intensity = 0.5 } = options;
    requireInteger('seed of the motion', seed, 0, Number.MAX_SAFE_INTEGER);
    requireInteger('size of the motion', size, 3, 1023);
    requireNumber('intensity of the motion', intensity, 0, 1);
    return { kind: 'motion-blur', motion: { size, seed, intensity }, boundary };
  }
  const { length, angle } = options;
  requireNumber('length of the motion', length, 1, 1000);
  requireNumber('angle of the motion', angle, -360, 360);
  return { kind: 'motion-blur', motion: { length, angle }, boundary };
}

/** True convolution with any kernel, taken as it is (not normalised); its centre is by default the tap (height >> 1, width >> 1). */
export function convolution(options: { kernel: Kernel; boundary?: Boundary; centre?: readonly [number, number] }): Convolution {
  const { kernel, boundary = 'circular' } = options;
  const { height, width } = kernel;
  requireInteger('height of the kernel', height, 1, 8192);
  requireInteger('width of the kernel', width, 1, 8192);
  requireOneOf('boundary', boundary, BOUNDARIES);
  if (kernel.taps.length !== height * width)
    throw expected(`${height * width} taps of a kernel of ${width} × ${height}`, kernel.taps.length);
  const taps = Float64Array.from(kernel.taps);
  if (!taps.every(Number.isFinite))
    throw expected(
      'finite taps of the kernel',
      taps.find((tap) => !Number.isFinite(tap)),
    );
  if (taps.every((tap) => tap === 0)) throw expected('a kernel with a tap that is not 0', 'only zeros');
  const centre: readonly [number, number] = options.centre ?? [height >> 1, width >> 1];
  requireInteger("row of the kernel's centre", centre[0], 0, height - 1);
  requireInteger("column of the kernel's centre", centre[1], 0, width - 1);
  return { kind: 'convolution', kernel: { height, width, taps }, centre: [centre[0], centre[1]], boundary };
}

/** Missing pixels, as a mask or a box; what a measurement holds there is never looked at. */
export function inpainting(options: { mask: MissingPixels } | { box: Box }): Inpainting {
  if ('box' in options) {
    const [top, left, height, width] = options.box;
    if (options.box.length !== 4) throw expected('a box of top, left, height and width', `${options.box.length} numbers`);
    for (const [name, value, low] of [
      ['top', top, 0],
      ['left', left, 0],
      ['height', height, 1],
      ['width', width, 1],
    ] as const) {
      requireInteger(`${name} of the box`, value, low, 65535);
    }
    return { kind: 'inpainting', missing: { box: [top, left, height, width] } };
  }
  const { height, width, values } = options.mask;
  requireInteger('height of the mask', height, 1, 65535);
  requireInteger('width of the mask', width, 1, 65535);
  if (values.length !== height * width) throw expected(`${height * width} values of a mask of ${width} × ${height}`, values.length);
  const missing = Uint8Array.from(values, (value) => (value >= 0.5 ? 1 : 0));
  if (missing.every((value) => value === 1)) throw expected('a mask with a pixel that is not missing', 'a mask that is 1 everywhere');
  return { kind: 'inpainting', missing: { height, width, values: missing } };
}

/** Noise and nothing else. */
export function denoising(): Denoising {
  return { kind: 'denoising' };
}

/** A grey image y = sum of weights[c] x[c]; the weights are by default those of Rec. 601. */
export function colorization({ weights = LUMA }: { weights?: readonly [number, number, number] } = {}): Colorization {
  if (weights.length !== 3 || !weights.every(Number.isFinite) || weights.every((weight) => weight === 0)) {
    throw expected('three finite weights, not all 0, for colorization', weights);
  }
  return { kind: 'colorization', weights: [weights[0], weights[1], weights[2]] };
}

/** The operator as `parseOperator` spells it, where it has a spelling; for tables and messages. */
export function operatorName(operator: Operator): string {
  const boundary = 'boundary' in operator && operator.boundary !== 'circular' ? `,boundary=${operator.boundary}` : '';
  switch (operator.kind) {
    case 'super-resolution': {
      const { factor, filter, phase } = operator;
      const options = [
        filter === 'bicubic' ? '' : `,filter=${filter}`,
        phase === 'centre' ? '' : `,phase=${phase}`,
        phase === 'reference' && operator.boundary === 'circular' ? ',boundary=circular' : '',
      ];
      return `sr:${factor}${options.join('')}`;
    }
    case 'gaussian-blur':
      return `deblur:gaussian:${operator.sigma}${boundary}`;
    case 'motion-blur': {
      const { motion } = operator;
      if ('length' in motion) return `deblur:motion:${motion.length}:${motion.angle}${boundary}`;
      return `deblur:motion:random:${motion.seed},size=${motion.size},intensity=${motion.intensity}${boundary}`;
    }
    case 'convolution':
      return `deblur:kernel:${operator.kernel.width}x${operator.kernel.height}${boundary}`;
    case 'inpainting':
      return 'box' in operator.missing
        ? `inpaint:box:${operator.missing.box.join(':')}`
        : `inpaint:${operator.missing.width}x${operator.missing.height}`;
    case 'denoising':
      return 'denoise';
    case 'colorization':
      return 'colorize';
  }
}

function expected(what: string, received: unknown): LatinoError {
  return new LatinoError('ERR_LATINO_OPERATOR', `Expected ${what} but received ${received}`);
}

function requireNumber(name: string, value: number, low: number, high: number): void {
  if (typeof value !== 'number' || !(value >= low && value <= high)) throw expected(`a number from ${low} to ${high} for ${name}`, value);
}

function requireInteger(name: string, value: number, low: number, high: number): void {
  if (!Number.isInteger(value) || value < low || value > high) throw expected(`an integer from ${low} to ${high} for ${name}`, value);
}

function requireOneOf(name: string, value: string, known: readonly string[]): void {
  if (!known.includes(value)) throw expected(`${known.join(', ')} for ${name}`, value);
}
