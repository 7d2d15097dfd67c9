import { LatinoError } from '../errors.js';
import { CALIBRATION_PRESETS, type CalibrationSettings } from './latino_pro.js';

export type CalibrationPreset = keyof typeof CALIBRATION_PRESETS;

/** A preset, `best` where none is named, with some of its settings changed. */
export interface CalibrationChanges extends Partial<CalibrationSettings> {
  readonly preset?: CalibrationPreset;
}

const DEFAULT_PRESET: CalibrationPreset = 'best';

interface Rule {
  readonly expected: string;
  readonly holds: (value: unknown) => boolean;
}

const finite = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const positive: Rule = { expected: 'a positive number', holds: (value) => finite(value) && value > 0 };
const integer = (low: number, high: number): Rule => ({
  expected: `an integer from ${low} to ${high}`,
  holds: (value) => Number.isInteger(value) && (value as number) >= low && (value as number) <= high,
});
const choice = (...choices: unknown[]): Rule => ({ expected: choices.join(' or '), holds: (value) => choices.includes(value) });
const timesteps: Rule = {
  expected: 'at least two decreasing integers from 999 to 0',
  holds: (value) => Array.isArray(value) && value.length >= 2 && value.every((t, i) => integer(0, i > 0 ? value[i - 1] - 1 : 999).holds(t)),
};

const RULES: { readonly [Name in Exclude<keyof CalibrationSettings, 'frozenTokens'>]: Rule } = {
  passes: integer(1, 1000),
  timesteps,
  gradient: choice('conditional', 'official'),
  normalize: choice('token', 'image'),
  gradientScale: positive,
  momentum: { expected: 'a number in [0, 1]', holds: (value) => finite(value) && value >= 0 && value <= 1 },
  stepSize: positive,
  decay: { expected: 'a number in (0, 1]', holds: (value) => finite(value) && value > 0 && value <= 1 },
  decayAfter: integer(0, 1000),
  radius: positive,
};

/**
 * The settings that a user asked for, all checked.
 *
 * @param tokens how many tokens the embedding has, of which at least one must be free to move
 * @throws LatinoError ERR_LATINO_ARGUMENT for a preset or a setting that is not there, or a value out of its range
 */
export function calibrationSettings(wanted: true | CalibrationPreset | CalibrationChanges, tokens: number): CalibrationSettings {
  const changes: unknown = wanted === true ? {} : typeof wanted === 'string' ? { preset: wanted } : wanted;
  if (typeof changes !== 'object' || changes === null || Array.isArray(changes))
    return fail('calibrate', 'true, a preset or an object of settings', changes);
  const rules: Readonly<Record<string, Rule>> = {
    ...RULES,
    preset: choice(...Object.keys(CALIBRATION_PRESETS)),
    frozenTokens: integer(0, tokens - 1),
  };
  const given = Object.entries(changes).filter(([, value]) => value !== undefined);
  for (const [name, value] of given) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (!rule) return fail('the names of calibration settings', Object.keys(rules).join(', '), name);
    if (!rule.holds(value)) fail(name === 'preset' ? 'the calibration preset' : `calibration's ${name}`, rule.expected, value);
  }
  const { preset = DEFAULT_PRESET, ...settings } = Object.fromEntries(given) as CalibrationChanges;
  return { ...CALIBRATION_PRESETS[preset], ...settings };
}

function fail(what: string, expected: string, received: unknown): never {
  const shown = Array.isArray(received) ? `[${received.join(', ')}]` : String(received);
  throw new LatinoError('ERR_LATINO_ARGUMENT', `Expected ${expected} for ${what} but received ${shown}`);
}
