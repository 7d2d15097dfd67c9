import type { CalibrateOptions, CalibrationPass, Image, LineChart } from '../index.js';

/** The noise levels that measurements are calibrated on. */
interface Noise {
  readonly sigmas: readonly number[];
  readonly sigmaEstimated: boolean;
}

/** As `Latino.calibrate` takes them: those that are given, or else estimated. */
export async function noiseOf(measurements: readonly Image[], { sigma = 'auto', operator }: CalibrateOptions): Promise<Noise> {
  if (sigma !== 'auto') return { sigmas: measurements.map(() => sigma), sigmaEstimated: false };
  const { estimateSigma } = await import('../index.js');
  const estimates = await Promise.all(measurements.map((image) => estimateSigma(image, { operator })));
  return { sigmas: estimates.map((estimate) => estimate.sigma), sigmaEstimated: true };
}

/** `, noise 0.011 to 0.02 (estimated)`. */
export function noiseInWords({ sigmas, sigmaEstimated }: Noise): string {
  if (!sigmaEstimated) return '';
  const ends = new Set([Math.min(...sigmas), Math.max(...sigmas)].map((sigma) => sigma.toPrecision(2)));
  return `, noise ${[...ends].join(' to ')} (estimated)`;
}

/** Draws the surrogate and the distance pass by pass. */
export async function writeCalibrationReport(path: string, subject: string, passes: readonly CalibrationPass[]): Promise<void> {
  const { writeLineChart } = await import('../index.js');
  const chart: LineChart = {
    title: `Calibration of the prompt: ${subject}`,
    xLabel: 'pass',
    curves: [
      { label: 'surrogate of the log marginal likelihood (higher is better)', values: passes.map(({ surrogate }) => surrogate) },
      { label: 'distance of the embedding from where it started', values: passes.map(({ distance }) => distance) },
    ],
  };
  await writeLineChart(path, chart);
}

/** One line: how many passes, how far, and what came of it. */
export function summarise(passes: readonly CalibrationPass[]): string {
  const [first, last] = [passes[0]!, passes.at(-1)!];
  const surrogates = `surrogate ${first.surrogate.toPrecision(5)} at the first and ${last.surrogate.toPrecision(5)} at the last`;
  return `${passes.length} ${passes.length === 1 ? 'pass' : 'passes'}, distance ${last.distance.toPrecision(3)}, ${surrogates}`;
}
