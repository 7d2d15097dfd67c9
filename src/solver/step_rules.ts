import type { Addon, NativeOperator, Tensor } from '../device/addon.js';
import type { NoiseSource } from '../prior/prior.js';
import { type OfficialProblem, officialDelta } from './official_rules.js';

/** How gamma_k is chosen: `auto` (empirical Bayes), `discrepancy`, the authors' tables (`official`), or a constant delta. */
export type StepRule = 'auto' | 'discrepancy' | 'official' | number;

export interface StepState {
  readonly operator: NativeOperator;
  /** Decoded consistency estimate. */
  readonly x: Tensor;
  readonly y: Tensor;
  /** operator.residual(x, y) */
  readonly residual: Tensor;
  readonly t: number;
  /** alphas_cumprod[t] */
  readonly alpha: number;
  /** Noise level on the [-1, 1] scale. */
  readonly sigma: number;
  readonly noise: NoiseSource;
}

/** gamma_k of the proximal step: a number, or a device tensor [N] that the caller disposes. */
export type GammaRule = (state: StepState) => number | Tensor;

type Kernels = Pick<Addon, 'linearCombination' | 'norm' | 'power'>;

/** gamma = v / sigma², v >= 1 - a(t) the variance of the prior's error that explains the residual best. */
const auto =
  (kernels: Kernels): GammaRule =>
  ({ operator, residual, sigma, alpha }) => {
    using variance = operator.errorVariance(residual, sigma, 1 - alpha);
    return kernels.power(variance, 1 / sigma ** 2, 1);
  };

const discrepancy: GammaRule = ({ operator, residual, sigma }) => operator.discrepancyGamma(residual, sigma);

const constantDelta =
  (delta: number): GammaRule =>
  ({ alpha, sigma }) =>
    (delta * (1 - alpha)) / sigma ** 2;

/** The authors' tables: delta = coefficient · df^p · sigma^q with df = |A x + noise - y|, the forward call being noisy in their code. */
const official =
  (kernels: Kernels, problem: OfficialProblem): GammaRule =>
  ({ operator, x, y, t, alpha, sigma, noise }) => {
    const scale = (1 - alpha) / sigma ** 2;
    const measured = y.shape.slice(1).reduce((product, n) => product * n, 1);
    const { coefficient, power } = officialDelta(problem, { t, sigma, measured });
    if (power === 0) return coefficient * scale;
    using clean = operator.forward(x);
    using fresh = noise(y.shape);
    using noisy = kernels.linearCombination(1, clean, sigma / 2, fresh);
    using difference = kernels.linearCombination(1, noisy, -1, y);
    using df = kernels.norm(difference);
    return kernels.power(df, coefficient * scale, power);
  };

export function gammaRule(kernels: Kernels, rule: StepRule, problem: OfficialProblem): GammaRule {
  if (typeof rule === 'number') return constantDelta(rule);
  if (rule === 'discrepancy') return discrepancy;
  return rule === 'official' ? official(kernels, problem) : auto(kernels);
}
