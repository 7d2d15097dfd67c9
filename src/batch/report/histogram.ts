import { ticks } from '../../image/line_chart.js';
import type { Metric, PageHistogram } from './page_data.js';

const BINS = 24;
const LABELS: Readonly<Record<Metric, readonly [label: string, unit: string]>> = {
  seconds: ['Time', 'seconds an image'],
  psnr: ['PSNR', 'dB'],
  ssim: ['SSIM', ''],
};

/** How often a metric came out how large, in bins of a round width; nothing where there is no finite value. */
export function histogram(metric: Metric, values: readonly number[]): PageHistogram | undefined {
  const sorted = Float64Array.from(values.filter(Number.isFinite)).sort();
  if (sorted.length === 0) return undefined;
  const [smallest, largest] = [sorted[0]!, sorted.at(-1)!];
  const edges = ticks(smallest, largest, BINS);
  const [low, width] = [edges[0]!, edges[1]! - edges[0]!];
  const counts = new Array<number>(edges.length - 1).fill(0);
  // The largest value may lie on the last edge, and rounding may put any a hair outside.
  for (const value of sorted) counts[Math.min(counts.length - 1, Math.max(0, Math.floor((value - low) / width)))]!++;
  const middle = sorted.length / 2;
  const median = (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
  const [label, unit] = LABELS[metric];
  return { metric, label, unit, low, width, counts, count: sorted.length, smallest, median, largest };
}
