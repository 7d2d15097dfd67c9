import { setImmediate } from 'node:timers/promises';
import { type BatchInput, type Image, Restoration, type RestorationRecord, type RestoreOptions } from '../../src/index.js';

/** An image of one colour. */
export const flat = (value: number, width = 16): Image => ({
  width,
  height: 16,
  channels: 3,
  data: new Float32Array(3 * 16 * width).fill(value),
});

const record: RestorationRecord = {
  ...{ package: '0.0.0', model: 'stand-in', device: 'none', operator: 'denoise', sigma: 0.1, prompt: '', seed: 0 },
  ...{ steps: 1, timesteps: [999] },
  ...{ stepRule: 'auto', start: 'regularised', result: 'decoded', seconds: 0, warnings: [] },
};

/** Stands in for a model where only who is restored when matters: gives back what it gets, and remembers its calls. */
export class StandInRestorer {
  readonly calls: { readonly values: number[]; readonly options: RestoreOptions }[] = [];
  /** Images that are being solved, and at most were. */
  solving = 0;
  most = 0;
  /** What every image becomes, instead of itself. */
  answer?: Image;
  /** What a call waits for. */
  gate: (values: readonly number[]) => Promise<unknown> = () => setImmediate();

  constructor(private readonly group = 1) {}

  together(): number {
    return this.group;
  }

  async restoreBatch(inputs: readonly BatchInput[], options: RestoreOptions): Promise<Restoration[]> {
    const images = inputs.map(({ input }) => input as Image);
    const values = images.map(({ data }) => data[0]!);
    this.calls.push({ values, options });
    this.solving += inputs.length;
    this.most = Math.max(this.most, this.solving);
    try {
      await Promise.race([this.gate(values), aborted(options.signal)]);
      if (values.includes(-1)) throw new Error('black');
      return images.map((image) => new Restoration(this.answer ?? image, record));
    } finally {
      this.solving -= inputs.length;
    }
  }
}

const aborted = (signal?: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason), { once: true }));
