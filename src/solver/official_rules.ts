/**
 * The per-task step sizes of the authors' code, transcribed from the tables in test/golden/solver.json:
 * delta = coefficient · df^power · sigma^sigmaPower, with one coefficient above a threshold timestep and one at or below it.
 */

export interface OfficialProblem {
  /** `latino-pro` has a table of its own, made for SDXL; `latino` by default. */
  readonly method?: 'latino' | 'latino-pro';
  /** Of the run; LATINO-PRO's table has one rule for its passes of 4 steps and another for other runs. */
  readonly steps?: number;
  readonly family: 'sdxl' | 'sd15';
  readonly task: 'super-resolution' | 'gaussian' | 'motion' | 'inpainting' | 'other';
  /** Super-resolution factor. */
  readonly factor?: number;
  /** Standard deviation of the Gaussian kernel, in pixels. */
  readonly kernelSigma?: number;
}

interface Rule {
  readonly threshold: number;
  readonly above: number;
  readonly below: number;
  readonly power: 0 | 1;
  readonly sigmaPower?: -1;
  /** Number of measured values at the authors' image size; df grows with its square root. */
  readonly measured?: number;
}

const inpainting: Rule = { threshold: 500, above: 1, below: 0.5, power: 0 };
const other: Rule = { threshold: 200, above: 0.01, below: 1, power: 0 };
/** The authors' LATINO leaves ×4 and ×8 undefined; LATINO-PRO has the constant 1. */
const mildSuperResolution: Rule = { threshold: 0, above: 1, below: 1, power: 0 };

function sdxlRule({ task, factor = 0, kernelSigma = 0 }: OfficialProblem, sigmaY: number): Rule {
  switch (task) {
    case 'super-resolution':
      if (factor < 16) return mildSuperResolution;
      return factor < 32
        ? { threshold: 300, above: 0.3, below: 0.2, power: 1, measured: 12288 }
        : { threshold: 300, above: 0.15, below: 0.3, power: 1, measured: 3072 };
    case 'gaussian':
      return kernelSigma < 10
        ? { threshold: 400, above: 0.0005, below: 0.0002, power: 1, measured: 3145728 }
        : { threshold: 400, above: 0.0007, below: 0.0003, power: 1, measured: 3145728 };
    case 'motion':
      return sigmaY === 0.01
        ? { threshold: 400, above: 0.0004, below: 0.0002, power: 1, measured: 3145728 }
        : { threshold: 400, above: 5e-5, below: 9e-5, power: 1, measured: 3145728 };
    case 'inpainting':
      return inpainting;
    case 'other':
      return other;
  }
}

function sd15Rule({ task, factor = 0 }: OfficialProblem): Rule {
  switch (task) {
    case 'super-resolution':
      if (factor < 16) return mildSuperResolution;
      return factor < 32
        ? { threshold: 300, above: 0.02, below: 0.002, power: 1, sigmaPower: -1, measured: 3072 }
        : { threshold: 300, above: 2, below: 0.9, power: 1, measured: 768 };
    case 'gaussian':
      return { threshold: 300, above: 0.001, below: 0.0004, power: 1, measured: 786432 };
    case 'motion':
      return { threshold: 400, above: 0.0008, below: 0.0007, power: 1, measured: 786432 };
    case 'inpainting':
      return inpainting;
    case 'other':
      return other;
  }
}

function proRule({ task, factor = 0, kernelSigma = 0, steps = 8 }: OfficialProblem, sigmaY: number): Rule {
  const pass = steps === 4;
  const noisy = sigmaY >= 0.05;
  switch (task) {
    case 'super-resolution':
      if (factor < 16) return mildSuperResolution;
      if (factor < 32) {
        const scaled = { power: 1, sigmaPower: -1, measured: 12288 } as const;
        if (!noisy) return { threshold: 300, above: 0.0006, below: 0.0009, ...scaled };
        return pass ? { threshold: 500, above: 0.05, below: 0.008, ...scaled } : { threshold: 700, above: 0.06, below: 0.02, ...scaled };
      }
      return noisy
        ? { threshold: 300, above: 0.15, below: 0.09, power: 1, sigmaPower: -1, measured: 3072 }
        : { threshold: 300, above: 0.015, below: 0.009, power: 1, sigmaPower: -1, measured: 3072 };
    case 'gaussian': {
      const scaled = { power: 1, measured: 3145728 } as const;
      // As in the authors' code, a kernel of exactly 10 goes with the noisy ones.
      if (noisy || kernelSigma === 10) return { threshold: pass ? 500 : 400, above: 0.008, below: 0.005, ...scaled };
      if (kernelSigma > 10) return { threshold: 400, above: 0.02, below: 0.002, ...scaled };
      return pass ? { threshold: 500, above: 0.004, below: 0.002, ...scaled } : { threshold: 400, above: 0.0004, below: 0.0004, ...scaled };
    }
    case 'motion':
      return pass
        ? { threshold: 500, above: 0.0004, below: 0.0005, power: 1, measured: 3145728 }
        : { threshold: 400, above: 0.0005, below: 0.0009, power: 1, measured: 3145728 };
    case 'inpainting':
    case 'other':
      return other;
  }
}

function ruleFor(problem: OfficialProblem, sigmaY: number): Rule {
  if (problem.method === 'latino-pro') return proRule(problem, sigmaY);
  return problem.family === 'sdxl' ? sdxlRule(problem, sigmaY) : sd15Rule(problem);
}

/** delta at timestep t as coefficient · df^power; sigma on the [-1, 1] scale, `measured` the number of values in y. */
export function officialDelta(
  problem: OfficialProblem,
  { t, sigma, measured }: { t: number; sigma: number; measured: number },
): { coefficient: number; power: 0 | 1 } {
  const rule = ruleFor(problem, sigma / 2);
  const size = rule.measured === undefined ? 1 : Math.sqrt(rule.measured / measured);
  const coefficient = (t > rule.threshold ? rule.above : rule.below) * sigma ** (rule.sigmaPower ?? 0) * size;
  return { coefficient, power: rule.power };
}
