import { readPass } from './calibration_pass.js';
import { DEFAULT_MODEL, findModel, type KnownImages } from './checkpoint/embedded_models.js';
import { degradeOn } from './degrade.js';
import type { Addon, Device, NativeOperator, Tensor, TransferCounts } from './device/addon.js';
import { defaultDevice } from './device/default_device.js';
import { type Interruption, interruptible, unlessAborted } from './device/interruptible.js';
import { loadAddon } from './device/load.js';
import { LatinoError } from './errors.js';
import type { UsedSigma } from './estimate_sigma.js';
import type { Image, ImageInput } from './image/index.js';
import { type Measurement, readMeasurements, type UploadedMeasurements, uploadMeasurements } from './measurement.js';
import { measurementWarnings } from './measurement_warnings.js';
import { memoryBudget } from './memory_budget.js';
import { checkOperator, imageSize, type Operator, OperatorCache, operatorName, operatorTraits, type Size } from './operators/index.js';
import {
  type BatchInput,
  CalibrateOptions,
  type CalibrationPass,
  type DegradeOptions,
  LoadOptions,
  type MeasurementOptions,
  MOST_TOGETHER,
  type QueueOptions,
  RestoreManyOptions,
  RestoreOptions,
  readingOf,
} from './options.js';
import { type Own, ownOptions } from './own_options.js';
import type { Picture } from './picture.js';
import type { Conditioning } from './prior/conditioning.js';
import { Embedding } from './prior/embedding.js';
import type { LatentModel } from './prior/latent_model.js';
import { loadModel } from './prior/load_model.js';
import { WindowedPrior } from './prior/windowed_prior.js';
import { cutPrompts } from './prompt_cut.js';
import { Recorder } from './recorder.js';
import { downloadImages, Restoration } from './restoration.js';
import { RestorationQueue } from './scheduling/restoration_queue.js';
import { type ManyInput, type ManyResult, restoreMany } from './scheduling/restore_many.js';
import { parseOptions, show } from './schema.js';
import { type CalibrationSettings, calibrationSettings } from './solver/calibration_settings.js';
import { drive } from './solver/drive.js';
import { type LatinoOptions, latino } from './solver/latino.js';
import { calibrate } from './solver/latino_pro.js';
import { calibrationNoise, type NoiseSource, seededNoise } from './solver/noise.js';
import type { OfficialProblem } from './solver/official_rules.js';
import type { Problem, Run } from './solver/step.js';
import { gammaRule } from './solver/step_rules.js';
import { type StepGroup, stepGroups } from './step_groups.js';
import { ofAnotherSize, resultByMisfit } from './unknown_images.js';
import { warn } from './warn.js';

/** Which of the authors' tables `official` step sizes come from. */
type OfficialTable = Pick<OfficialProblem, 'method' | 'steps'>;

/** Pixels of images that are solved together; on a CPU measured with the embedded model (bench/batch.mjs). */
const PIXELS_TOGETHER = { cpu: 8 * 128 * 128, cuda: 4 * 512 * 512 } as const;
/** Bytes of operators that are kept for the next measurement of their kind and size. */
const OPERATOR_BUDGET = 256 * 2 ** 20;

/** Restores images with one loaded model; calls may run side by side. */
export class Latino implements AsyncDisposable {
  private readonly prior: WindowedPrior;
  private readonly operators: OperatorCache;
  private readonly disposal = new AbortController();
  private readonly running = new Set<Promise<unknown>>();
  private disposed?: Promise<void>;

  private constructor(
    private readonly addon: Addon,
    private readonly model: LatentModel,
    private readonly name: string,
    private readonly defaultPrompt: string,
    private readonly known?: KnownImages,
  ) {
    this.prior = new WindowedPrior(addon, model.forSteps);
    this.operators = new OperatorCache(addon, model.device, OPERATOR_BUDGET);
  }

  /**
   * Loads a model.
   *
   * @throws LatinoError ERR_LATINO_MODEL when the folder holds no usable model, ERR_LATINO_DEVICE when the device is not there,
   * ERR_LATINO_ADDON when the native addon cannot be loaded, ERR_LATINO_ARGUMENT when an option is of another kind or the model cannot take it;
   * the signal's reason on abort
   */
  static async load(options: LoadOptions = {}): Promise<Latino> {
    const {
      model = DEFAULT_MODEL,
      device = 'auto',
      memory = 'balanced',
      signal,
      ...rest
    } = parseOptions(LoadOptions, options, argument('options of Latino.load'));
    const name = device === 'auto' ? defaultDevice() : device;
    const addon = loadAddon(name);
    const opened = addon.openDevice(name, { threads: rest.threads });
    const { folder, prompt, knows } = findModel(model);
    return interruptible(addon, [signal], async ({ signal: stopped, cancellation }) => {
      // A file on a disk that does not answer cannot be cancelled, only left alone.
      const loading = loadModel(addon, opened, folder, { ...rest, budget: memoryBudget(memory, opened), cancellation });
      return new Latino(addon, await unlessAborted(stopped, loading, (late) => void late.dispose()), model, prompt, knows);
    });
  }

  get device(): Device {
    return this.model.device;
  }
  /** Copies between host and device since the model was loaded. */
  get transfers(): TransferCounts {
    return this.device.transfers;
  }

  /**
   * What a restoration has where its options do not say it; `nativeSize`: side in pixels of the square images that the model was trained on.
   *
   * @param sigma of the noise, on which the steps depend in places
   */
  defaults(operator: Operator, sigma = 0): { readonly prompt: string; readonly steps: number; readonly nativeSize: number } {
    const { family, nativeSize } = this.model;
    return { prompt: this.defaultPrompt, steps: family.defaultSteps(operatorTraits(operator), sigma), nativeSize };
  }

  /** A measurement y = A x + noise of an image, as `latino-native degrade` makes it. */
  async degrade(input: ImageInput, options: DegradeOptions): Promise<Picture> {
    return this.undertake(undefined, () => degradeOn(this.addon, this.device, input, options));
  }

  /**
   * Restores one measurement (LATINO); with `calibrate`, after calibrating the prompt on it (LATINO-PRO). The noise of the restoration is that
   * of the seed in either case, so that restoring with the calibrated embedding and the same seed gives the same image.
   *
   * Calibration downloads the embedding; with `onProgress`, also one number a step that has a gradient and one a pass.
   *
   * @param input see `ImageInput`
   * @throws LatinoError ERR_LATINO_ARGUMENT, ERR_LATINO_IMAGE, ERR_LATINO_OPERATOR, ERR_LATINO_SHAPE, ERR_LATINO_EMBEDDING when the embedding
   * was made for another model, ERR_LATINO_NUMERIC when the result is not finite, ERR_LATINO_DISPOSED; the signal's reason on abort
   */
  async restore(input: ImageInput, options: RestoreOptions): Promise<Restoration> {
    return (await this.restoreBatch([{ input }], options))[0]!;
  }

  /**
   * Restores several measurements of one size, damaged alike, in one batch [N, ...], which uses a GPU better than one after the other. Each may
   * have its own noise level, prompt or embedding, and seed; what it comes to is what `restore` would give.
   *
   * @throws LatinoError as `restore` does; ERR_LATINO_SHAPE when the measurements differ in size
   */
  async restoreBatch(inputs: readonly BatchInput[], options: RestoreOptions): Promise<Restoration[]> {
    const parsed = parseOptions(RestoreOptions, options, argument('options of restore'));
    const operator = checkOperator(parsed.operator);
    const batch = ownOptions(inputs, parsed);
    const settings = parsed.calibrate ? calibrationSettings(parsed.calibrate, this.model.embeddingShape[1]) : undefined;
    if (settings && batch.length > 1)
      throw new LatinoError('ERR_LATINO_ARGUMENT', `Expected one measurement with calibrate but received ${batch.length}`);

    return this.undertake(parsed.signal, async (interruption) => {
      let begun = performance.now();
      const measurements = await readMeasurements(batch, { operator, ...readingOf(parsed) }, interruption.signal);
      const stepsOf = ({ sigma: { sigma } }: Measurement): number => parsed.steps ?? this.defaults(operator, sigma).steps;
      const restored: Restoration[] = [];
      for (const group of stepGroups(batch, measurements, stepsOf, parsed)) {
        const together = await this.restoreGroup(group, operator, settings, interruption, begun);
        for (const [k, place] of group.members.entries()) restored[place] = together[k]!;
        begun = performance.now();
      }
      return restored;
    });
  }

  /**
   * Restores any number of images, in bounded memory: inputs are taken as they can be worked on, the next are decoded while one is solved, and
   * results wait to be taken. What fails is given with its error, and the rest goes on.
   *
   * @param inputs images, each by itself or with what differs from the options of all; an array, a generator, a stream
   * @throws LatinoError ERR_LATINO_ARGUMENT, ERR_LATINO_OPERATOR; from the loop what `inputs` throws, ERR_LATINO_DISPOSED; the signal's reason on
   * abort
   */
  restoreMany<Input extends ManyInput>(
    inputs: Iterable<Input> | AsyncIterable<Input>,
    options: RestoreManyOptions,
  ): AsyncGenerator<ManyResult<Input>, void, undefined> {
    const parsed = parseOptions(RestoreManyOptions, options, argument('options of restoreMany'));
    if (parsed.operator !== undefined) checkOperator(parsed.operator);
    if (typeof inputs !== 'object' || inputs === null || !(Symbol.iterator in inputs || Symbol.asyncIterator in inputs))
      throw new LatinoError('ERR_LATINO_ARGUMENT', `Expected an array or another iterable of inputs but received ${show(inputs)}`);
    return restoreMany(this, inputs, parsed);
  }

  /**
   * How many measurements of this size the device is best at solving together: as many as share a pixel budget. A picture that keeps every core
   * busy by itself gains nothing, and takes its memory N times.
   */
  together(operator: Operator, measurement: Size): number {
    const { width, height } = imageSize(operator, measurement);
    return Math.min(MOST_TOGETHER, Math.max(1, Math.floor(PIXELS_TOGETHER[this.device.kind] / (width * height))));
  }

  /** A queue in front of this model, for services: what waits and what runs can be read, and what is too much is refused. */
  queue(options: QueueOptions = {}): RestorationQueue {
    return new RestorationQueue(this, options);
  }

  /**
   * Calibrates one embedding on several measurements of the same kind (LATINO-PRO; Spagnoletti et al. 2025, algorithm 2): the text conditioning
   * that makes them likely together. Their images should show the same sort of thing and may differ in size. All are held in memory at once.
   *
   * @param inputs at least one
   * @throws LatinoError as `restore` does; the signal's reason on abort
   */
  async calibrate(inputs: readonly ImageInput[], options: CalibrateOptions): Promise<Embedding> {
    if (!Array.isArray(inputs) || inputs.length === 0)
      throw new LatinoError('ERR_LATINO_ARGUMENT', 'Expected an array of at least one measurement to calibrate on');
    const parsed = parseOptions(CalibrateOptions, options, argument('options of calibrate'));
    const operator = checkOperator(parsed.operator);
    const settings = calibrationSettings(parsed.settings ?? true, this.model.embeddingShape[1]);
    return this.undertake(parsed.signal, async (interruption) => {
      const held: Disposable[] = [];
      try {
        const problems: Problem[] = [];
        for (const input of inputs as readonly ImageInput[]) {
          const reading = { operator, ...readingOf(parsed) };
          const read = await readMeasurements([{ input, sigma: parsed.sigma }], reading, interruption.signal);
          const measured = uploadMeasurements(this.addon, this.device, read, interruption.cancellation);
          held.push(measured);
          for (const warning of measurementWarnings(operator, read)) warn(parsed.onWarning, warning);
          const lease = await this.operators.lease(operator, imageSize(operator, measured));
          held.push(lease);
          await unlessAborted(interruption.signal, lease.operator.ready(interruption.cancellation));
          problems.push(this.problem(operator, measured, lease.operator));
        }
        const [unknown] = problems.flatMap((problem) => ofAnotherSize(this.known, problem) ?? []);
        if (unknown) warn(parsed.onWarning, unknown);
        using prompted = await this.condition([parsed], parsed.onWarning, interruption.signal);
        using calibrated = await this.estimate(problems, prompted, settings, parsed, interruption.signal, parsed.onProgress);
        return await this.download(prompted.withPromptEmbeds(calibrated), parsed);
      } finally {
        for (const each of held) each[Symbol.dispose]();
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  /** Stops what is under way, which fails with ERR_LATINO_DISPOSED, and frees the model. */
  dispose(): Promise<void> {
    this.disposed ??= this.free();
    return this.disposed;
  }

  private async free(): Promise<void> {
    this.disposal.abort(new LatinoError('ERR_LATINO_DISPOSED', 'Expected a live model but it has been disposed'));
    await Promise.allSettled(this.running);
    this.operators[Symbol.dispose]();
    await this.model.dispose();
  }

  /** Runs `work` so that the signal or the disposal of the model stops it. */
  private async undertake<T>(signal: AbortSignal | undefined, work: (interruption: Interruption) => Promise<T>): Promise<T> {
    const promise = interruptible(this.addon, [this.disposal.signal, signal], work);
    this.running.add(promise);
    try {
      return await promise;
    } finally {
      this.running.delete(promise);
    }
  }

  private async restoreGroup(
    { steps, batch, measurements, options }: StepGroup,
    operator: Operator,
    settings: CalibrationSettings | undefined,
    { signal, cancellation }: Interruption,
    begun: number,
  ): Promise<Restoration[]> {
    const { onProgress, start = 'regularised', stepRule = 'auto' } = options;
    const timesteps = this.model.family.timesteps(steps, operatorTraits(operator));
    using recorder = new Recorder(this.addon, options, begun);
    const { onWarning } = recorder;
    using measured = uploadMeasurements(this.addon, this.device, measurements, cancellation);
    for (const warning of measurementWarnings(operator, measurements)) onWarning(warning);
    using lease = await this.operators.lease(operator, imageSize(operator, measured));
    await unlessAborted(signal, lease.operator.ready(cancellation));
    const problem = this.problem(operator, measured, lease.operator);
    using prompted = await this.condition(batch, onWarning, signal);
    const onPass = onProgress && ((calibration: CalibrationPass) => onProgress({ step: 0, steps, calibration }));
    using calibrated = settings && (await this.estimate([problem], prompted, settings, options, signal, onPass));
    const embedding = calibrated && (await this.download(prompted.withPromptEmbeds(calibrated), batch[0]!));

    const noise = seededNoise(this.device, perImage(batch.map(({ seed = 0 }) => seed)));
    const run = this.runOn(problem, options, noise, { method: settings ? 'latino-pro' : 'latino', steps });
    const result = recorder.watch(this.resultFor(problem, { ...options, onWarning }));
    const conditioning = calibrated ? prompted.withPromptEmbeds(calibrated) : prompted;
    const solver = latino(run, { conditioning, timesteps, start, result });
    let step = 0;
    using restored = await drive(solver, {
      signal,
      see: (tensors): Promise<Image[]> | undefined => {
        recorder.step(tensors);
        return options.previews && onProgress ? downloadImages(this.addon, tensors.x) : undefined;
      },
      done: (_, images) => onProgress?.({ step: ++step, steps, preview: images && withMetadata(images[0]!, measured.metadata[0]) }),
    });
    const images = await downloadImages(this.addon, restored);
    const records = await recorder.records(
      batch.map((own, k) => this.ownRecord(own, measured.sigmas[k]!)),
      {
        model: this.name,
        device: this.device.name,
        operator: operatorName(operator),
        ...{ steps, timesteps, stepRule, start, calibration: settings },
      },
    );
    return images.map((image, k) => new Restoration(withMetadata(image, measured.metadata[k]), records[k]!, embedding));
  }

  private problem(descriptor: Operator, { y, height, width, sigmas }: UploadedMeasurements, operator: NativeOperator): Problem {
    const size = imageSize(descriptor, { width, height });
    return {
      operator,
      y,
      sigma: perImage(sigmas.map(({ sigma }) => 2 * sigma)),
      imageShape: [sigmas.length, 3, size.height, size.width],
      inpainting: operatorTraits(descriptor).hidesPixels,
    };
  }

  /** c of a batch; the caller disposes it. */
  private condition(
    batch: readonly Pick<Own, 'prompt' | 'embedding'>[],
    onWarning: MeasurementOptions['onWarning'],
    signal: AbortSignal,
  ): Promise<Conditioning> {
    const texts = batch.map(({ prompt = this.defaultPrompt, embedding }) => embedding ?? prompt);
    for (const cut of cutPrompts(this.model, texts)) warn(onWarning, cut);
    return unlessAborted(signal, this.model.condition(texts), (conditioning) => conditioning[Symbol.dispose]());
  }

  /** The result that was asked for, or what suits images that the model may not know. */
  private resultFor(problem: Problem, { result, onWarning }: RestoreOptions): LatinoOptions['result'] {
    const unknown = ofAnotherSize(this.known, problem);
    if (unknown) warn(onWarning, unknown);
    if (result !== undefined || !this.known) return result;
    return unknown ? 'proximal' : resultByMisfit(this.addon, this.known, problem, (warning) => warn(onWarning, warning));
  }

  /** What a record says of what an image had of its own. */
  private ownRecord({ seed = 0, prompt = this.defaultPrompt, embedding }: Own, { sigma, estimated }: UsedSigma) {
    const source = embedding?.source;
    return { sigma, sigmaEstimated: estimated, seed, prompt: source?.prompt ?? prompt, ...(source && { embedding: source }) };
  }

  private runOn(problem: Problem, { operator, stepRule = 'auto' }: MeasurementOptions, noise: NoiseSource, table: OfficialTable): Run {
    const official: OfficialProblem = { family: this.model.family.name, ...operatorTraits(operator).official, ...table };
    return { kernels: this.addon, prior: this.prior, problem, gammaRule: gammaRule(this.addon, stepRule, official), noise };
  }

  /** The calibrated c; the caller disposes it. */
  private async estimate(
    problems: readonly Problem[],
    conditioning: Conditioning,
    settings: CalibrationSettings,
    options: MeasurementOptions,
    signal: AbortSignal,
    onPass?: (pass: CalibrationPass) => void,
  ): Promise<Tensor> {
    const { start, seed = 0 } = options;
    const gradientOf = await unlessAborted(signal, this.prior.loadPromptGradient());
    const noise = calibrationNoise(this.device, seed);
    const runs = problems.map((problem) => this.runOn(problem, options, noise, { method: 'latino-pro', steps: settings.timesteps.length }));
    const solver = calibrate(this.addon, runs, gradientOf, { ...settings, conditioning, start, surrogate: onPass !== undefined });
    return drive(solver, {
      signal,
      see: (step): Promise<CalibrationPass> | undefined => (onPass && 'pass' in step ? readPass(step) : undefined),
      done: (_, pass) => pass && onPass?.(pass),
    });
  }

  private async download(
    { promptEmbeds, added }: Conditioning,
    { prompt = this.defaultPrompt, embedding }: Pick<Own, 'prompt' | 'embedding'>,
  ): Promise<Embedding> {
    const values = (await promptEmbeds.read({ finite: true })) as Float32Array;
    const pooled = (await added.text_embeds?.read()) as Float32Array | undefined;
    const textEncoder = await this.model.textEncoderDigest();
    const source = { prompt: embedding ? embedding.source.prompt : prompt, model: 'UNet2DConditionModel', textEncoder };
    return new Embedding(values, promptEmbeds.shape, source, pooled);
  }
}

const argument = (what: string) => ({ code: 'ERR_LATINO_ARGUMENT', what }) as const;

/** One number alone, so that a batch of one is computed as a single image is. */
const perImage = <T>(values: readonly T[]): T | readonly T[] => (values.length === 1 ? values[0]! : values);

const withMetadata = (image: Image, metadata: Image['metadata']): Image => (metadata ? { ...image, metadata } : image);
