import type { FolderWeights } from './checkpoint/weights_folder.js';
import { elementCount, type WeightInfo } from './graph/weights.js';

/** Of Node, sharp, ONNX Runtime and this package beside a model and a picture. */
const BASE_BYTES = 130 * 2 ** 20;
/** A 3 × 3 filter as its kernel keeps it where it keeps it transformed: 36 float32 values (docs/decisions/0014). */
const BYTES_OF_FILTER = 36 * 4;
/** A layer with more of such bytes has its weights in memory as the file has them; kKeptBytes of native/inference/layers/conv3x3.cpp. */
const MOST_TRANSFORMED = 64 * 2 ** 20;
/** Memory that is kept between the networks, of values that are not there any more, beside what is there at the same time. */
const KEPT_VALUES = 2;

/**
 * Bytes that a process takes, about, while it restores one picture with these weights on a CPU. With the model photos it took 242 MiB at 128 × 128
 * where this says 295, and 457 at 512 × 512 where it says 402.
 *
 * @param activations bytes of the networks' values that are there at the same time
 */
export function memoryNeed(weights: readonly FolderWeights[], activations: number): number {
  const kept = weights.flatMap((each) => [...each.tensors.values()].map(keptBytes));
  return kept.reduce((sum, bytes) => sum + bytes, BASE_BYTES + KEPT_VALUES * activations);
}

function keptBytes({ shape, length }: WeightInfo): number {
  const isConvolution = shape.length === 4 && shape[2] === 3 && shape[3] === 3;
  const transformed = (BYTES_OF_FILTER * elementCount(shape)) / 9;
  return isConvolution && transformed <= MOST_TRANSFORMED ? transformed : length;
}
