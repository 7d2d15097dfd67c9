import { z } from 'zod';
import { parseOptions } from '../schema.js';

const Timestep = z.int().min(0).max(999);

/** How the prompt's embedding is moved; see docs/latino-pro.md for what each does. */
export const CalibrationSettings = z.strictObject({
  /** Outer iterations: passes of a few LATINO steps, each followed by a step of c. */
  passes: z.int().min(1).max(1000),
  /** Timesteps of a pass, decreasing, at least two. */
  timesteps: z
    .array(Timestep)
    .readonly()
    .refine(
      (timesteps) => timesteps.length >= 2 && timesteps.every((t, i) => i === 0 || t < timesteps[i - 1]!),
      'at least two decreasing integers from 999 to 0',
    ),
  /** `official`: z_next as drawn; `conditional`: its mean given the step's outcome, of the same expectation and far less variance. */
  gradient: z.enum(['conditional', 'official']),
  /** What a gradient is divided by: the norm of each token, or of all. */
  normalize: z.enum(['token', 'image']),
  /** Norm of a gradient after the division, in the units of c. */
  gradientScale: z.number().positive(),
  /** What is kept of the sum of earlier passes' gradients: 0 forgets them, 1 never does, as in the authors' code. */
  momentum: z.number().min(0).max(1),
  stepSize: z.number().positive(),
  /** The step is multiplied by this after each pass from `decayAfter` on, down to a thousandth. */
  decay: z.number().positive().max(1),
  decayAfter: z.int().min(0).max(1000),
  /** No token moves farther than this from where the prompt put it. */
  radius: z.number().positive(),
  /** Leading tokens that do not move: the start token and, of the authors' prompts, "a photo of". */
  frozenTokens: z.int().min(0),
});
export type CalibrationSettings = Readonly<z.output<typeof CalibrationSettings>>;

/** The constants of the authors' code (shared/golden/solver.json). */
export const OFFICIAL_CALIBRATION: CalibrationSettings = {
  passes: 15,
  timesteps: [999, 749, 499, 249],
  gradient: 'official',
  normalize: 'token',
  gradientScale: 1,
  momentum: 1,
  stepSize: 0.08,
  decay: 0.9,
  decayAfter: 10,
  radius: 15,
  frozenTokens: 4,
};

/** `best`: the conditional gradient, divided by one norm per image, of each pass alone, in steps that shrink; measured in docs/latino-pro.md. */
export const CALIBRATION_PRESETS: Readonly<Record<'official' | 'best', CalibrationSettings>> = {
  official: OFFICIAL_CALIBRATION,
  best: {
    ...OFFICIAL_CALIBRATION,
    gradient: 'conditional',
    normalize: 'image',
    gradientScale: 7,
    momentum: 0,
    stepSize: 1.5,
    decay: 0.8,
    decayAfter: 0,
  },
};

const CalibrationPreset = z.enum(['best', 'official']);
export type CalibrationPreset = z.output<typeof CalibrationPreset>;

/** A preset, `best` where none is named, with some of its settings changed. */
export const CalibrationChanges = CalibrationSettings.partial().extend({ preset: CalibrationPreset.optional() });
export type CalibrationChanges = Readonly<z.input<typeof CalibrationChanges>>;

/**
 * The settings that a user asked for, all checked.
 *
 * @param tokens how many tokens the embedding has, of which at least one must be free to move
 * @throws LatinoError ERR_LATINO_ARGUMENT for a preset or a setting that is not there, or a value out of its range
 */
export function calibrationSettings(wanted: true | CalibrationPreset | CalibrationChanges, tokens: number): CalibrationSettings {
  const changes = wanted === true ? {} : typeof wanted === 'string' ? { preset: wanted } : wanted;
  const schema = CalibrationChanges.extend({
    frozenTokens: z
      .int()
      .min(0)
      .max(tokens - 1)
      .optional(),
  });
  const { preset = 'best', ...given } = parseOptions(schema, changes, { code: 'ERR_LATINO_ARGUMENT', what: 'settings of the calibration' });
  const changed = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { ...CALIBRATION_PRESETS[preset], ...changed };
}
