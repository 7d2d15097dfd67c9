import type { Addon, Device, NativeOperator, PerImage, Tensor } from '../device/addon.js';
import type { NoiseSource } from './noise.js';
import { type OfficialProblem, officialDelta } from './official_rules.js';

/** How gamma_k is chosen: `auto` (empirical Bayes), `discrepancy`, the authors' tables (`official`), or a constant delta. */
export type StepRule = 'auto' | 'discrepancy' | 'official' | number;

export interface StepState {
  readonly device: Device;
  readonly operator: NativeOperator;
  /** Decoded consistency estimate. */
  readonly x: Tensor;
  readonly y: Tensor;
  /** operator.residual(x, y) */
  readonly residual: Tensor;
  readonly t: number;
  /** alphas_cumprod[t] */
  readonly alpha: number;
  /** Deviation, in the image, of latents' white noise of deviation 1. */
  readonly noiseGain: number;
  /** Noise level on the [-1, 1] scale. */
  readonly sigma: PerImage;
  readonly noise: NoiseSource;
}

/** gamma_k of the proximal step: a number, or a device tensor [N] that the caller disposes. */
export type GammaRule = (state: StepState) => number | Tensor;

type Kernels = Pick<Addon, 'linearCombination' | 'norm' | 'power'>;

/** What f gives for each number. */
const map = (numbers: PerImage, f: (number: number) => number): PerImage => (typeof numbers === 'number' ? f(numbers) : numbers.map(f));

/** gamma = v / sigma², v the variance of the prior's error that explains the residual best, no less than what the step's noise has in the image. */
const auto =
  (kernels: Kernels): GammaRule =>
  ({ operator, residual, sigma, alpha, noiseGain }) => {
    using variance = operator.errorVariance(residual, sigma, (1 - alpha) * noiseGain ** 2);
    return kernels.power(
      variance,
      map(sigma, (s) => 1 / s ** 2),
      1,
    );
  };

const discrepancy: GammaRule = ({ operator, residual, sigma }) => operator.discrepancyGamma(residual, sigma);

const constantDelta =
  (kernels: Kernels, delta: number): GammaRule =>
  ({ device, alpha, sigma }) =>
    onDevice(
      kernels,
      device,
      map(sigma, (s) => (delta * (1 - alpha)) / s ** 2),
    );

/** The authors' tables: delta = coefficient · df^p · sigma^q with df = |A x + noise - y|, the forward call being noisy in their code. */
const official =
  (kernels: Kernels, problem: OfficialProblem): GammaRule =>
  ({ device, operator, x, y, t, alpha, sigma, noise }) => {
    const measured = y.shape.slice(1).reduce((product, n) => product * n, 1);
    const { power } = officialDelta(problem, { t, sigma: first(sigma), measured });
    const scaled = map(sigma, (s) => (officialDelta(problem, { t, sigma: s, measured }).coefficient * (1 - alpha)) / s ** 2);
    if (power === 0) return onDevice(kernels, device, scaled);
    using clean = operator.forward(x);
    using fresh = noise(y.shape);
    using noisy = kernels.linearCombination(
      1,
      clean,
      map(sigma, (s) => s / 2),
      fresh,
    );
    using difference = kernels.linearCombination(1, noisy, -1, y);
    using df = kernels.norm(difference);
    return kernels.power(df, scaled, power);
  };

const first = (numbers: PerImage): number => (typeof numbers === 'number' ? numbers : numbers[0]!);

/** Numbers known on the host, as a tensor [N] that is made on the device: without an upload. */
function onDevice(kernels: Kernels, device: Device, numbers: PerImage): number | Tensor {
  if (typeof numbers === 'number') return numbers;
  using ones = device.full([numbers.length], 1);
  return kernels.power(ones, numbers, 1);
}

export function gammaRule(kernels: Kernels, rule: StepRule, problem: OfficialProblem): GammaRule {
  if (typeof rule === 'number') return constantDelta(kernels, rule);
  if (rule === 'discrepancy') return discrepancy;
  return rule === 'official' ? official(kernels, problem) : auto(kernels);
}
