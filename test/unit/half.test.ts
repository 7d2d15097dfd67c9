import { describe, expect, it } from 'vitest';
import { fromHalf, toHalf } from '../../src/checkpoint/half.js';

describe('half precision', () => {
  it('goes through every number and back', () => {
    for (let bits = 0; bits < 65536; bits++) {
      const value = fromHalf(bits);
      if (Number.isNaN(value)) expect(Number.isNaN(fromHalf(toHalf(value)))).toBe(true);
      else if (toHalf(value) !== bits) expect([bits, toHalf(value)]).toEqual([0x8000, 0x8000]);
    }
  });

  it('rounds to the nearest, of two to the even one', () => {
    // Neighbours of 1 are 2^-10 apart above it.
    expect(toHalf(1 + 2 ** -12)).toBe(0x3c00);
    expect(toHalf(1 + 2 ** -11)).toBe(0x3c00);
    expect(toHalf(1 + 3 * 2 ** -11)).toBe(0x3c02);
    expect(toHalf(1 + 3 * 2 ** -12)).toBe(0x3c01);
    expect(toHalf(2 - 2 ** -12)).toBe(0x4000);
    expect(toHalf(2 ** -24 * 1.5)).toBe(2);
    expect(toHalf(2 ** -25)).toBe(0);
    expect(toHalf(-65519)).toBe(0xfbff);
    expect(toHalf(65520)).toBe(0x7c00);
    expect(toHalf(Number.NEGATIVE_INFINITY)).toBe(0xfc00);
  });
});
