import type { Target } from '../../compile.js';
import { inHalfPrecision } from '../../half_precision.js';
import { lower } from '../lower.js';

/** The operators of ONNX Runtime, which its CUDA provider has all; float32. It leaves to the CPU what is computed from shapes. */
export const cuda: Target = { passes: [lower], withoutLoops: true };

/** The same in float16. The provider's normalisations and softmax keep their statistics in float32. */
export const cudaHalf: Target = { passes: [lower, inHalfPrecision], withoutLoops: true };
