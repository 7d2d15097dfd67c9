export type { BatchEvent, BatchSummary, Failure } from './batch/events.js';
export { type ImageRecord, type RunRecord, readJournal, readJournals } from './batch/journal.js';
export type { BatchOptions } from './batch/options.js';
export { runWorker, type WorkerEvent, type WorkerOptions } from './batch/queue/run_worker.js';
export { type Report, writeReport } from './batch/report/report.js';
export { runBatch } from './batch/run.js';
export { parseShare, type Share, within } from './batch/share.js';
export { byteSize } from './byte_size.js';
export { assertCalibrateOptions, assertRestoreOptions } from './check_options.js';
export type { CheckpointDescription, ComponentDescription, Layout } from './checkpoint/checkpoint.js';
export { embeddedModelFolder } from './checkpoint/embedded_models.js';
export { degrade } from './degrade.js';
export type { Device, MemoryCounts, Tensor, TransferCounts } from './device/addon.js';
export { type BuildOptions, buildAddon } from './device/build_addon.js';
export { type Diagnosis, diagnose, type FindingName } from './doctor/diagnose.js';
export type { Finding } from './doctor/finding.js';
export { type PulledModel, type PullOptions, type PullProgress, pullModel } from './download/pull_model.js';
export type { ErrorCode } from './errors.js';
export { LatinoError } from './errors.js';
export { estimateSigma, type SigmaEstimate } from './estimate_sigma.js';
export {
  assertChartWritable,
  assertWritable,
  type ContactSheet,
  type EncodeOptions,
  type Image,
  type ImageFormat,
  type ImageInput,
  type ImageMetadata,
  type LineChart,
  psnr,
  type RawOutput,
  type RawPixels,
  type ReadableFormat,
  type ReadOptions,
  readImage,
  type SharpOutput,
  type SharpPipeline,
  ssim,
  upscale,
  writeContactSheet,
  writeImage,
  writeLineChart,
} from './image/index.js';
export { type InspectOptions, inspectModel, type ModelDescription, type ModelUse } from './inspect.js';
export { Latino } from './latino.js';
export type { ModelSummary } from './model_summary.js';
export { type ListedModel, listModels } from './models.js';
export { parseOperator } from './operator_files.js';
export type {
  Colorization,
  Convolution,
  Denoising,
  GaussianBlur,
  Inpainting,
  LoadedFile,
  MotionBlur,
  Operator,
  Size,
  SuperResolution,
} from './operators/index.js';
export {
  colorization,
  convolution,
  denoising,
  gaussianBlur,
  inpainting,
  motionBlur,
  operatorName,
  operatorsHelp,
  superResolution,
} from './operators/index.js';
export type {
  BatchInput,
  CalibrateOptions,
  CalibrationPass,
  DegradeOptions,
  EstimateSigmaOptions,
  LoadOptions,
  ManyOptions,
  MeasurementOptions,
  Progress,
  QueueOptions,
  RestoreManyOptions,
  RestoreOptions,
  Warning,
} from './options.js';
export { assertFileWritable } from './output_file.js';
export { Picture } from './picture.js';
export type { Prediction } from './prediction.js';
export { Embedding, type EmbeddingSource } from './prior/embedding.js';
export type { ReadingProgress } from './prior/reading_progress.js';
export { Restoration } from './restoration.js';
export type { RestorationRecord } from './restoration_record.js';
export type { Queued } from './scheduling/job.js';
export type { RestorationEnd, RestorationError, RestorationStart } from './scheduling/restoration_events.js';
export { RestorationQueue } from './scheduling/restoration_queue.js';
export type { ManyInput, ManyResult } from './scheduling/restore_many.js';
export {
  CALIBRATION_PRESETS,
  type CalibrationChanges,
  type CalibrationPreset,
  type CalibrationSettings,
} from './solver/calibration_settings.js';
export type { StepRule } from './solver/step_rules.js';
