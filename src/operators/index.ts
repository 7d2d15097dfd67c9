export { buildOperator, imageSize, measurementSize, type Size } from './build.js';
export type {
  Boundary,
  Box,
  Colorization,
  Convolution,
  Denoising,
  GaussianBlur,
  Inpainting,
  Kernel,
  LinearMotion,
  MissingPixels,
  MotionBlur,
  Operator,
  Phase,
  RandomMotion,
  ResizeFilter,
  SuperResolution,
} from './descriptors.js';
export {
  colorization,
  convolution,
  denoising,
  gaussianBlur,
  inpainting,
  motionBlur,
  operatorName,
  superResolution,
} from './descriptors.js';
export { type LoadedFile, parseOperator } from './parse.js';
