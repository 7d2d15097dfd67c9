import type { Addon, Device, Tensor } from './device/addon.js';
import { type Interruption, unlessAborted } from './device/interruptible.js';
import { LatinoError } from './errors.js';
import { type Image, type ImageInput, type ImageMetadata, type ReadOptions, readImage } from './image/index.js';

/** Measurements of one size on the device. */
export interface UploadedMeasurements extends Disposable {
  /** [N, C, h, w] */
  readonly y: Tensor;
  readonly height: number;
  readonly width: number;
  /** What came with the file of each. */
  readonly metadata: readonly (ImageMetadata | undefined)[];
}

/**
 * Reads measurements of one size and puts them on the device, one upload each. Whatever is computed from them stops when they are interrupted.
 *
 * @throws LatinoError ERR_LATINO_IMAGE when one cannot be read, ERR_LATINO_SHAPE when they differ in size
 */
export async function uploadMeasurements(
  { concatenate }: Pick<Addon, 'concatenate'>,
  device: Device,
  inputs: readonly ImageInput[],
  reading: ReadOptions,
  { signal, cancellation }: Interruption,
): Promise<UploadedMeasurements> {
  const images = await unlessAborted(signal, Promise.all(inputs.map((input) => readImage(input, { ...reading, signal }))));
  const { channels, height, width } = requireOneSize(images);
  const metadata = images.map((image) => image.metadata);
  const uploads = images.map(({ data }) => device.upload(data, [1, channels, height, width], cancellation));
  const [first, ...others] = uploads as [Tensor, ...Tensor[]];
  if (others.length === 0) return { y: first, height, width, metadata, [Symbol.dispose]: () => first.dispose() };
  try {
    const y = concatenate(uploads);
    return { y, height, width, metadata, [Symbol.dispose]: () => y.dispose() };
  } finally {
    for (const tensor of uploads) tensor.dispose();
  }
}

function requireOneSize(images: readonly Image[]): Image {
  const [first] = images as readonly [Image, ...Image[]];
  const other = images.find(({ width, height }) => width !== first.width || height !== first.height);
  if (!other) return first;
  const text = ({ width, height }: Image): string => `${width} × ${height}`;
  throw new LatinoError('ERR_LATINO_SHAPE', `Expected measurements of one size in a batch but received ${text(first)} and ${text(other)}`);
}
