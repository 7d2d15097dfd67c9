import type { FolderWeights } from './checkpoint/weights_folder.js';
import { elementCount } from './graph/weights.js';

/** Of Node, ONNX Runtime and this package before there is a model. */
const BASE_BYTES = 80 * 2 ** 20;
/** A weight of a 3 × 3 convolution as its kernel keeps it while it works: 36 float32 values in place of 9 (docs/decisions/0003). */
const BYTES_OF_CONVOLUTIONS = 16;

/**
 * Bytes that a process takes at most while it restores one picture with these weights on a CPU, at the size that the model was trained on. Measured
 * with weights of Stable Diffusion 1.5's shapes at 512 × 512: 9.4 GiB in float16 where this says 10.2, 9.9 in float32 where it says 11.
 */
export function memoryNeed(weights: readonly FolderWeights[]): number {
  const tensors = weights.flatMap((each) => [...each.tensors.values()]);
  const kept = tensors.map(({ shape, length }) => (isConvolution(shape) ? BYTES_OF_CONVOLUTIONS * elementCount(shape) : length));
  return kept.reduce((sum, bytes) => sum + bytes, BASE_BYTES);
}

const isConvolution = (shape: readonly number[]): boolean => shape.length === 4 && shape[2] === 3 && shape[3] === 3;
