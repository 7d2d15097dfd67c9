import type { Addon, Tensor } from '../device/addon.js';
import type { StepTensors } from './step.js';

/** The gammas of a run. They stay on the device until it is over: whoever read one earlier would wait for its step. */
export class GammaTrace implements Disposable {
  private readonly kept: (number | Tensor)[] = [];

  constructor(private readonly kernels: Pick<Addon, 'slice' | 'concatenate'>) {}

  /** To be called while the step's tensors live. */
  keep({ gamma }: Pick<StepTensors, 'gamma'>): void {
    this.kept.push(typeof gamma === 'number' ? gamma : this.kernels.slice(gamma, 0, gamma.shape[0]!));
  }

  /** The gammas of each step, one for each image or one for all: one download, or none where the step rule gave numbers. */
  async read(): Promise<ArrayLike<number>[]> {
    const tensors = this.kept.filter((gamma) => typeof gamma === 'object');
    const values = tensors.length > 0 ? await this.download(tensors) : new Float32Array();
    const each = values.length / tensors.length;
    let index = 0;
    return this.kept.map((gamma) => (typeof gamma === 'number' ? [gamma] : values.subarray(each * index, each * ++index)));
  }

  [Symbol.dispose](): void {
    for (const gamma of this.kept) if (typeof gamma === 'object') gamma.dispose();
  }

  private async download(tensors: readonly Tensor[]): Promise<Float32Array> {
    using all = this.kernels.concatenate(tensors);
    return (await all.read()) as Float32Array;
  }
}
