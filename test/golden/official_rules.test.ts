import { describe, expect, it } from 'vitest';
import { type OfficialProblem, officialDelta } from '../../src/solver/official_rules.js';
import { goldenSet, readGolden } from '../support/golden.js';

interface Delta {
  readonly coef: number;
  readonly df_power: number;
  readonly sigma_power: number;
}

interface StoredRule {
  readonly problem: string;
  readonly when?: { readonly sigma_y?: string; readonly sigma_kernel?: string; readonly n_steps?: string; readonly otherwise?: string };
  readonly t_threshold?: number;
  readonly delta_if_t_greater?: Delta;
  readonly delta_otherwise?: Delta;
  readonly delta_constant?: number;
}

interface Table {
  readonly resolution: number;
  readonly rules: readonly StoredRule[];
}

/** Values for which a condition such as `< 0.05` holds, its limit among them where it belongs to it. */
function satisfying(condition: string, candidates: readonly number[]): number[] {
  const [relation, limit] = condition.split(' ');
  const at = Number(limit);
  const holds: Record<string, (value: number) => boolean> = {
    '<': (value) => value < at,
    '>': (value) => value > at,
    '>=': (value) => value >= at,
    '==': (value) => value === at,
    '!=': (value) => value !== at,
  };
  return candidates.filter(holds[relation!]!);
}

const SIGMAS = [0.01, 0.03, 0.05, 0.1];
const KERNELS = [3, 10, 20];
const STEPS = [4, 8];

/** Every setting that a stored rule is for, as far as the candidates go. */
function settings({ when = {} }: StoredRule): { sigmaY: number; kernelSigma: number; steps: number }[] {
  const sigmas = when.sigma_y ? satisfying(when.sigma_y, SIGMAS) : SIGMAS;
  const kernels = when.sigma_kernel ? satisfying(when.sigma_kernel, KERNELS) : KERNELS;
  const steps = when.n_steps ? satisfying(when.n_steps, STEPS) : STEPS;
  return sigmas
    .flatMap((sigmaY) => kernels.flatMap((kernelSigma) => steps.map((n) => ({ sigmaY, kernelSigma, steps: n }))))
    .filter(({ sigmaY, kernelSigma }) => !when.otherwise || sigmaY >= 0.05 || kernelSigma === 10);
}

function problemsOf(name: string): Pick<OfficialProblem, 'task' | 'factor'>[] {
  if (name.startsWith('sr')) return name.split(', ').map((one) => ({ task: 'super-resolution' as const, factor: Number(one.slice(2)) }));
  if (name === 'any other') return [{ task: 'other' }];
  return [{ task: ({ deblur_gaussian: 'gaussian', deblur_motion: 'motion', inpainting_square: 'inpainting' } as const)[name]! }];
}

goldenSet('step sizes of the authors (golden/solver.json)', ['solver.json'], () => {
  const stored = readGolden<Record<'latino_sdxl_dmd2' | 'latino_1_5' | 'latino_pro', Table>>('solver.json');
  const tables: readonly [string, Table, Pick<OfficialProblem, 'method' | 'family'>][] = [
    ['LATINO with SDXL', stored.latino_sdxl_dmd2, { family: 'sdxl' }],
    ['LATINO with SD 1.5', stored.latino_1_5, { family: 'sd15' }],
    ['LATINO-PRO', stored.latino_pro, { family: 'sdxl', method: 'latino-pro' }],
  ];

  describe.each(tables)('%s', (_name, { resolution, rules }, kind) => {
    const written = rules.filter((rule) => rule.delta_constant !== undefined || rule.delta_if_t_greater);
    it.each(written.map((rule) => [`${rule.problem} ${JSON.stringify(rule.when ?? {})}`, rule] as const))('%s', (_rule, rule) => {
      const { t_threshold = 500, delta_constant = 1 } = rule;
      const constant: Delta = { coef: delta_constant, df_power: 0, sigma_power: 0 };
      const asked = settings(rule);
      expect(asked).not.toHaveLength(0);
      for (const problem of problemsOf(rule.problem)) {
        const measured = 3 * (resolution / (problem.factor ?? 1)) ** 2;
        for (const { sigmaY, ...setting } of asked) {
          for (const t of [t_threshold - 1, t_threshold, t_threshold + 1]) {
            const want = (t > t_threshold ? rule.delta_if_t_greater : rule.delta_otherwise) ?? constant;
            const sigma = 2 * sigmaY;
            const got = officialDelta({ ...kind, ...problem, ...setting }, { t, sigma, measured });
            expect(got.power).toBe(want.df_power);
            expect(got.coefficient).toBeCloseTo(want.coef * sigma ** want.sigma_power, 12);
          }
        }
      }
    });
  });

  it('has no rule of its own for inpainting in LATINO-PRO', () => {
    const [inpainting, other] = (['inpainting', 'other'] as const).map((task) =>
      officialDelta({ method: 'latino-pro', family: 'sdxl', task }, { t: 100, sigma: 0.02, measured: 1000 }),
    );
    expect(inpainting).toEqual(other);
  });
});
