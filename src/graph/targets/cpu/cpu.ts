import type { Target } from '../../compile.js';
import { lower } from '../lower.js';
import { fuse } from './fuse/fuse.js';

/** Layers of the native core where there are any; what is left, in the operators that ONNX Runtime's CPU provider runs fastest; float32. */
export const cpu: Target = { passes: [fuse, lower] };
