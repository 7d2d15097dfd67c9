import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { LatinoError } from '../../src/errors.js';
import { nearest, parseOptions } from '../../src/schema.js';

const options = z.strictObject({
  sigma: z.number().gt(0).lte(1),
  steps: z.int().min(1).max(50).default(8),
  seed: z.int().min(0).optional(),
  weight: z.number().gt(0).optional(),
  result: z.enum(['decoded', 'proximal']).optional(),
  stepRule: z.union([z.enum(['auto', 'official']), z.number().gt(0)]).optional(),
  previews: z.boolean().optional(),
  box: z.tuple([z.int(), z.int('an integer as the width')]).optional(),
  signal: z.instanceof(AbortSignal).optional(),
  motion: z
    .union([z.strictObject({ length: z.number(), angle: z.number() }), z.strictObject({ seed: z.int(), size: z.int().optional() })])
    .optional(),
  names: z
    .array(z.string())
    .refine((names) => new Set(names).size === names.length, 'names that differ')
    .optional(),
});

function refusal(value: unknown): string {
  try {
    parseOptions(options, value, { code: 'ERR_LATINO_ARGUMENT', what: 'the options of restore' });
  } catch (error) {
    expect(error).toBeInstanceOf(LatinoError);
    expect(error).toMatchObject({ code: 'ERR_LATINO_ARGUMENT' });
    return (error as Error).message;
  }
  throw new Error('Expected a refusal');
}

describe('options', () => {
  it('come back with their defaults', () => {
    const parsed: { sigma: number; steps: number } = parseOptions(options, { sigma: 0.5 }, { code: 'ERR_LATINO_ARGUMENT', what: '' });
    expect(parsed).toEqual({ sigma: 0.5, steps: 8 });
  });

  it.each<[unknown, string]>([
    [{ sigma: '0.01' }, "Expected a number in (0, 1] for sigma but received '0.01'"],
    [{ sigma: 0 }, 'Expected a number in (0, 1] for sigma but received 0'],
    [{ sigma: Number.NaN }, 'Expected a number in (0, 1] for sigma but received NaN'],
    [{}, 'Expected a number in (0, 1] for sigma but received nothing'],
    [{ sigma: 1, steps: 64 }, 'Expected an integer from 1 to 50 for steps but received 64'],
    [{ sigma: 1, steps: 2.5 }, 'Expected an integer from 1 to 50 for steps but received 2.5'],
    [{ sigma: 1, seed: -1 }, 'Expected an integer of at least 0 for seed but received -1'],
    [{ sigma: 1, seed: 2 ** 53 }, 'Expected an integer of at least 0 for seed but received 9007199254740992'],
    [{ sigma: 1, weight: Infinity }, 'Expected a number above 0 for weight but received Infinity'],
    [{ sigma: 1, result: 'raw' }, "Expected decoded or proximal for result but received 'raw'"],
    [{ sigma: 1, stepRule: 'atuo' }, "Expected auto, official or a number above 0 for stepRule but received 'atuo'"],
    [{ sigma: 1, previews: 1 }, 'Expected true or false for previews but received 1'],
    [{ sigma: 1, box: [1, 2, 3] }, 'Expected an array of 2 for box but received an array of 3'],
    [{ sigma: 1, box: [1, '2'] }, "Expected an integer as the width for box[1] but received '2'"],
    [{ sigma: 1, box: { top: 1 } }, 'Expected an array of 2 for box but received an object with top'],
    [{ sigma: 1, signal: 7 }, 'Expected an AbortSignal for signal but received 7'],
    [{ sigma: 1, names: ['a', 'a'] }, 'Expected names that differ for names but received an array of 2'],
    [{ sigma: 1, names: [new Float32Array(2)] }, 'Expected a string for names[0] but received a Float32Array of 2'],
    ['sr:8', "Expected an object for the options of restore but received 'sr:8'"],
    [undefined, 'Expected an object for the options of restore but received nothing'],
    [null, 'Expected an object for the options of restore but received null'],
  ])('%j', (value, sentence) => {
    expect(refusal(value)).toBe(sentence);
  });

  it('with an unknown key name the known ones and the nearest, whatever else is wrong', () => {
    expect(refusal({ sgima: 1 })).toMatch(/^Expected sigma, steps, .* in the options of restore but received sgima: did you mean sigma\?$/);
    expect(refusal({ sigma: 1, colour: 1 })).toMatch(/but received colour$/);
  });

  it('of several kinds are compared with the kind that they resemble', () => {
    expect(refusal({ sigma: 1, motion: { seed: 1, szie: 3 } })).toBe('Expected seed, size in motion but received szie: did you mean size?');
    expect(refusal({ sigma: 1, motion: { length: 3 } })).toBe('Expected a number for motion.angle but received nothing');
    expect(refusal({ sigma: 1, motion: 'far' })).toBe("Expected an object for motion but received 'far'");
  });
});

describe('the nearest word', () => {
  const known = ['filter', 'phase', 'boundary'];
  it.each([
    ['fliter', 'filter'],
    ['Filter', 'filter'],
    ['bondary', 'boundary'],
    ['fase', 'phase'],
    ['colour', undefined],
    ['', undefined],
  ])('to %j is %j', (word, near) => {
    expect(nearest(word, known)).toBe(near);
  });
});
