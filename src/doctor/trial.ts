import { DEFAULT_MODEL } from '../checkpoint/embedded_models.js';
import type { Image } from '../image/index.js';
import { Latino } from '../latino.js';
import { superResolution } from '../operators/index.js';
import { type Finding, failed, failedOf, ok } from './finding.js';

/** Pixels of a side of what is restored. */
const SIDE = 128;
const FACTOR = 4;

/** What came of restoring a picture. */
export interface TrialFindings {
  readonly model: Finding;
  readonly restoration: Finding;
  /** Where they were possible. */
  readonly loadSeconds?: number;
  readonly restoreSeconds?: number;
}

/** Nothing was tried. */
export const untried = (what: readonly string[]): TrialFindings => {
  const finding = failed('not tried', `see first to ${what.join(', ')}`);
  return { model: finding, restoration: finding };
};

/** Loads the default model and restores a small picture with it, up to the bytes of a file. */
export async function tryToRestore(): Promise<TrialFindings> {
  const begun = performance.now();
  const loaded = await Latino.load({ device: 'cpu' }).catch((error: unknown) => ({ error }));
  if ('error' in loaded) return { ...untried(['model']), model: failedOf(loaded.error) };
  await using latino = loaded;
  const loadSeconds = secondsSince(begun);
  const model = ok(`${DEFAULT_MODEL}, loaded in ${loadSeconds.toFixed(2)} s`);
  try {
    const operator = superResolution({ factor: FACTOR });
    const measurement = await latino.degrade(waves(), { operator, sigma: 0.01 });
    const started = performance.now();
    const restored = await latino.restore(measurement.image, { operator, sigma: 0.01, onWarning: () => undefined });
    const restoreSeconds = secondsSince(started);
    await restored.toBuffer('png');
    return { model, restoration: ok(`${SIDE} × ${SIDE} in ${restoreSeconds.toFixed(2)} s`), loadSeconds, restoreSeconds };
  } catch (error) {
    return { model, restoration: failedOf(error), loadSeconds };
  }
}

const secondsSince = (start: number): number => (performance.now() - start) / 1000;

function waves(): Image {
  const data = Float32Array.from({ length: 3 * SIDE * SIDE }, (_, i) => Math.sin(i / 9) * Math.sin(i / (9 * SIDE)));
  return { width: SIDE, height: SIDE, channels: 3, data };
}
