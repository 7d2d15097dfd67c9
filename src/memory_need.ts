import type { FolderWeights } from './checkpoint/weights_folder.js';
import { elementCount } from './graph/weights.js';

/** Of Node, sharp, ONNX Runtime and this package beside a model and a picture. */
const BASE_BYTES = 130 * 2 ** 20;
/** A weight of a 3 × 3 convolution as its kernel keeps it while it works: 36 float32 values in place of 9 (docs/decisions/0003). */
const BYTES_OF_CONVOLUTIONS = 16;
/** Memory that is kept between the networks, of values that are not there any more, beside what is there at the same time. */
const KEPT_VALUES = 2;

/**
 * Bytes that a process takes, about, while it restores one picture with these weights on a CPU. Measured: with the model photos 242 MiB at 128 × 128
 * where this says 294, and 457 at 512 × 512 where it says 402; with weights of Stable Diffusion 1.5's shapes at 512 × 512 9.4 GiB in float16 where it
 * says 11.7, and 9.9 in float32 where it says 12.6.
 *
 * @param activations bytes of the networks' values that are there at the same time
 */
export function memoryNeed(weights: readonly FolderWeights[], activations: number): number {
  const tensors = weights.flatMap((each) => [...each.tensors.values()]);
  const kept = tensors.map(({ shape, length }) => (isConvolution(shape) ? BYTES_OF_CONVOLUTIONS * elementCount(shape) : length));
  return kept.reduce((sum, bytes) => sum + bytes, BASE_BYTES + KEPT_VALUES * activations);
}

const isConvolution = (shape: readonly number[]): boolean => shape.length === 4 && shape[2] === 3 && shape[3] === 3;
