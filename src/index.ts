export type { LoraOptions } from './checkpoint/lora.js';
export type { Device, MemoryCounts, Tensor, TransferCounts } from './device/addon.js';
export type { ErrorCode } from './errors.js';
export { LatinoError } from './errors.js';
export type { Image, ImageInput } from './image/index.js';
export { psnr, readImage, ssim, writeImage } from './image/index.js';
export type { CalibrateOptions, LoadOptions, MeasurementOptions, Progress, RestoreOptions } from './latino.js';
export { Latino, Restoration } from './latino.js';
export type { Operator } from './operators/index.js';
export {
  colorization,
  convolution,
  denoising,
  gaussianBlur,
  inpainting,
  motionBlur,
  parseOperator,
  superResolution,
} from './operators/index.js';
export type { EmbeddingSource } from './prior/embedding.js';
export { Embedding } from './prior/embedding.js';
export type { CalibrationChanges, CalibrationPreset } from './solver/calibration_settings.js';
export type { CalibrationPass, CalibrationSettings } from './solver/latino_pro.js';
export { CALIBRATION_PRESETS } from './solver/latino_pro.js';
export type { StepRule } from './solver/step_rules.js';
