import { describe, expect, it } from 'vitest';
import { missingFeatures, missingFrom } from '../../src/device/processor.js';

const entry = (flags: string): string =>
  `processor\t: 0\nmodel name\t: a processor\nflags\t\t: ${flags}\nbugs\t\t: none\n\nprocessor\t: 1\n`;

describe('missingFrom', () => {
  it('names what a processor lacks, by whole words', () => {
    expect(missingFrom(entry('fpu sse4_2 avx avx2 bmi1 bmi2 f16c fma'))).toEqual([]);
    expect(missingFrom(entry('fpu sse4_2 avx f16c fma4'))).toEqual(['avx2', 'bmi2', 'fma']);
  });

  it('asks for nothing where the flags are not told', () => {
    expect(missingFrom('')).toEqual([]);
    expect(missingFrom('flags\t\t: fpu sse4_2')).toEqual([]); // the line goes on beyond what was read
    expect(missingFrom('processor\t: 0\nFeatures\t: fp asimd\n')).toEqual([]);
  });
});

describe('missingFeatures', () => {
  it('finds nothing missing on the machine that runs these tests, where the addon runs', () => {
    expect(missingFeatures()).toEqual([]);
  });
});
