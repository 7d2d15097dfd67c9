import { describe, expect, it } from 'vitest';
import { loadAddon } from '../../src/device/load.js';
import { checkOperator, gaussianBlur, inpainting, type Operator, OperatorCache, superResolution } from '../../src/operators/index.js';
import { DEVICE } from '../support/device.js';

const addon = loadAddon(DEVICE);
const open = (budget = 2 ** 30): OperatorCache => new OperatorCache(addon, addon.openDevice(DEVICE), budget);
/** Larger than what is hashed at once. */
const size = { height: 2048, width: 2560 };

const mask = (changed?: number): Operator => {
  const values = new Uint8Array(size.height * size.width);
  values.fill(1, 0, 1000);
  if (changed !== undefined) values[changed] = 1;
  return inpainting({ mask: { ...size, values } });
};

describe('OperatorCache', () => {
  it('finds an operator by what its descriptor holds, whoever made it', async () => {
    using cache = open();
    using first = await cache.lease(mask(), size);
    using again = await cache.lease(mask(), size);
    const byHand = { kind: 'inpainting', mask: { ...size, values: Array.from((mask() as { mask: { values: Uint8Array } }).mask.values) } };
    using handMade = await cache.lease(checkOperator(byHand), size);
    expect(again.operator).toBe(first.operator);
    expect(handMade.operator).toBe(first.operator);
  });

  it('tells masks apart by their last pixel, and operators by kind and size', async () => {
    using cache = open();
    const small = { height: 16, width: 16 };
    const leases = await Promise.all([
      cache.lease(mask(), size),
      cache.lease(mask(size.height * size.width - 1), size),
      cache.lease(mask(2 ** 22 + 1), size),
      cache.lease(gaussianBlur({ sigma: 2 }), small),
      cache.lease(gaussianBlur({ sigma: 3 }), small),
      cache.lease(gaussianBlur({ sigma: 3 }), { height: 16, width: 8 }),
      cache.lease(superResolution({ factor: 2 }), small),
    ]);
    expect(new Set(leases.map(({ operator }) => operator)).size).toBe(leases.length);
    for (const lease of leases) lease[Symbol.dispose]();
  });

  it('builds one operator for leases that are asked for side by side', async () => {
    using cache = open();
    const leases = await Promise.all(Array.from({ length: 4 }, () => cache.lease(mask(), size)));
    expect(new Set(leases.map(({ operator }) => operator)).size).toBe(1);
    for (const lease of leases) lease[Symbol.dispose]();
  });

  it('keeps what is leased beyond its budget, and disposes it afterwards', async () => {
    using cache = open(0);
    const lease = await cache.lease(gaussianBlur({ sigma: 2 }), { height: 8, width: 8 });
    const { operator } = lease;
    expect(operator.imageShape([1, 3, 8, 8])).toEqual([1, 3, 8, 8]);
    lease[Symbol.dispose]();
    expect(() => operator.imageShape([1, 3, 8, 8])).toThrow(/disposed/);
  });
});
