import type { Target } from '../../src/graph/compile.js';
import { cpu } from '../../src/graph/targets/cpu/cpu.js';
import { cuda } from '../../src/graph/targets/cuda/cuda.js';

/** The device that tests run on where they do not ask for one in particular: `LATINO_DEVICE`, as for the library, or `cpu`. */
export const DEVICE = (process.env.LATINO_DEVICE ?? 'cpu') as 'cpu' | `cuda:${number}`;

/** What networks are compiled for there. */
export const TARGET: Target = DEVICE === 'cpu' ? cpu : cuda;
