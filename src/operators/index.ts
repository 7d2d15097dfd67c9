export type { Boundary } from '../device/addon.js';
export type { ResizeFilter } from './filters.js';
export { operatorSpellings, operatorsHelp, operatorsTable } from './help.js';
export type { OfficialTask, Size, TapSums } from './kind.js';
export { type Colorization, colorization } from './kinds/colorization.js';
export { type Convolution, convolution } from './kinds/convolution.js';
export { type Denoising, denoising } from './kinds/denoising.js';
export { type GaussianBlur, gaussianBlur } from './kinds/gaussian_blur.js';
export { type Inpainting, inpainting } from './kinds/inpainting.js';
export { type MotionBlur, motionBlur } from './kinds/motion_blur.js';
export { type SuperResolution, superResolution } from './kinds/super_resolution.js';
export {
  buildOperator,
  checkOperator,
  circularTaps,
  imageSize,
  measurementSize,
  type OperatorTraits,
  operatorName,
  operatorTraits,
  unseenPixels,
} from './operator.js';
export { OperatorCache, type OperatorLease } from './operator_cache.js';
export { parseOperator } from './parse.js';
export type { Operator } from './registry.js';
export type { LoadedFile } from './spelling.js';
