import type { CalibrationPass, LineChart } from '../index.js';

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
