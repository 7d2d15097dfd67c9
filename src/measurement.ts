import type { Addon, Device, Tensor } from './device/addon.js';
import { type Interruption, unlessAborted } from './device/interruptible.js';
import { LatinoError } from './errors.js';
import { type UsedSigma, usedSigma } from './estimate_sigma.js';
import { type Image, type ImageInput, type ImageMetadata, type ReadOptions, readImage } from './image/index.js';
import { type Operator, operatorTraits } from './operators/index.js';
import type { MeasurementOptions } from './options.js';

/** A measurement that has been read. */
export interface Measurement {
  readonly image: Image;
  readonly sigma: UsedSigma;
}

/** Measurements of one size on the device. */
export interface UploadedMeasurements extends Disposable {
  /** [N, C, h, w] */
  readonly y: Tensor;
  readonly height: number;
  readonly width: number;
  /** What came with the file of each. */
  readonly metadata: readonly (ImageMetadata | undefined)[];
  /** The noise of each. */
  readonly sigmas: readonly UsedSigma[];
}

/**
 * Reads measurements of one size, and estimates the noise that nobody has given.
 *
 * @throws LatinoError ERR_LATINO_IMAGE when one cannot be read, ERR_LATINO_SHAPE when they differ in size
 */
export async function readMeasurements(
  measurements: readonly { readonly input: ImageInput; readonly sigma?: MeasurementOptions['sigma'] }[],
  { operator, ...reading }: Omit<ReadOptions, 'channels' | 'signal'> & { readonly operator: Operator },
  signal: AbortSignal,
): Promise<Measurement[]> {
  const channels = operatorTraits(operator).measurementChannels;
  const images = await unlessAborted(
    signal,
    Promise.all(measurements.map(({ input }) => readImage(input, { ...reading, channels, signal }))),
  );
  requireOneSize(images);
  const read = images.map(async (image, k) => ({ image, sigma: await usedSigma(measurements[k]!.sigma, image, operator) }));
  return unlessAborted(signal, Promise.all(read));
}

/** Puts measurements of one size on the device, one upload each. Whatever is computed from them stops when they are cancelled. */
export function uploadMeasurements(
  { concatenate }: Pick<Addon, 'concatenate'>,
  device: Device,
  measurements: readonly Measurement[],
  cancellation: Interruption['cancellation'],
): UploadedMeasurements {
  const { channels, height, width } = measurements[0]!.image;
  const metadata = measurements.map(({ image }) => image.metadata);
  const sigmas = measurements.map(({ sigma }) => sigma);
  const uploads = measurements.map(({ image }) => device.upload(image.data, [1, channels, height, width], cancellation));
  const [first, ...others] = uploads as [Tensor, ...Tensor[]];
  if (others.length === 0) return { y: first, height, width, metadata, sigmas, [Symbol.dispose]: () => first.dispose() };
  try {
    const y = concatenate(uploads);
    return { y, height, width, metadata, sigmas, [Symbol.dispose]: () => y.dispose() };
  } finally {
    for (const tensor of uploads) tensor.dispose();
  }
}

function requireOneSize(images: readonly Image[]): void {
  const [first] = images as readonly [Image, ...Image[]];
  const other = images.find(({ width, height }) => width !== first.width || height !== first.height);
  if (!other) return;
  const text = ({ width, height }: Image): string => `${width} × ${height}`;
  throw new LatinoError('ERR_LATINO_SHAPE', `Expected measurements of one size in a batch but received ${text(first)} and ${text(other)}`);
}
