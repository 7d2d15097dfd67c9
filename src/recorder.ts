import type { Addon } from './device/addon.js';
import type { RestoreOptions, Warning } from './options.js';
import { packageVersion } from './package_version.js';
import type { RestorationRecord } from './restoration_record.js';
import { GammaTrace } from './solver/gamma_trace.js';
import type { LatinoOptions, Result } from './solver/latino.js';
import type { StepTensors } from './solver/step.js';
import { warn } from './warn.js';

type OfAll = 'model' | 'device' | 'operator' | 'steps' | 'timesteps' | 'stepRule' | 'start' | 'calibration';
type OfOne = 'sigma' | 'sigmaEstimated' | 'prompt' | 'embedding' | 'seed';

/** Notes what becomes of a batch while it is restored, for the records of its images. */
export class Recorder implements Disposable {
  private readonly warnings: Warning[] = [];
  private readonly trace?: GammaTrace;
  private results: readonly Result[] = ['decoded'];

  constructor(
    kernels: Pick<Addon, 'slice' | 'concatenate'>,
    private readonly options: Pick<RestoreOptions, 'gammas' | 'onWarning'>,
    private readonly begun: number,
  ) {
    if (options.gammas) this.trace = new GammaTrace(kernels);
  }

  readonly onWarning = (warning: Warning): void => {
    this.warnings.push(warning);
    warn(this.options.onWarning, warning);
  };

  /** The result that a solver is told, watched where it is chosen on the way. */
  watch(result: LatinoOptions['result']): LatinoOptions['result'] {
    if (typeof result === 'string') this.results = [result];
    if (typeof result !== 'function') return result;
    return async (last) => {
      this.results = await result(last);
      return this.results;
    };
  }

  /** To be called while the step's tensors live. */
  step(tensors: StepTensors): void {
    this.trace?.keep(tensors);
  }

  /** One for each image, once the last step is done. */
  async records(images: readonly Pick<RestorationRecord, OfOne>[], common: Pick<RestorationRecord, OfAll>): Promise<RestorationRecord[]> {
    const gammas = await this.trace?.read();
    const seconds = (performance.now() - this.begun) / 1000 / images.length;
    return images.map((own, k) => ({
      package: packageVersion,
      ...common,
      ...own,
      result: this.results[k] ?? this.results[0]!,
      ...(gammas && { gammas: gammas.map((step) => step[k] ?? step[0]!) }),
      seconds,
      warnings: this.warnings.filter(({ images: of }) => of?.includes(k) ?? true).map(({ code, message }) => ({ code, message })),
    }));
  }

  [Symbol.dispose](): void {
    this.trace?.[Symbol.dispose]();
  }
}
