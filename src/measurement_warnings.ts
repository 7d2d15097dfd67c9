import { unsureSigmas } from './estimate_sigma.js';
import type { Measurement } from './measurement.js';
import { openBorders } from './open_border.js';
import type { Operator } from './operators/index.js';
import type { Warning } from './options.js';

/** What is doubtful about measurements that are taken for the operator's, whoever is going to use them. */
export const measurementWarnings = (operator: Operator, measurements: readonly Measurement[]): Warning[] => [
  ...unsureSigmas(measurements.map(({ sigma }) => sigma)),
  ...openBorders(operator, measurements),
];
