import { expect, it } from 'vitest';
import type { Device } from '../../src/device/addon.js';
import { machineMemory } from '../../src/machine_memory.js';
import { memoryBudget } from '../../src/memory_budget.js';

const on = (kind: Device['kind']) => ({ kind }) as Device;

it('is a part of what the process may take, the more the faster', () => {
  const [low, balanced, fast] = (['low', 'balanced', 'fast'] as const).map((use) => memoryBudget(use, on('cpu')));
  expect(low!.wanted).toBeLessThan(balanced!.wanted);
  expect(balanced!.wanted).toBeLessThan(fast!.wanted);
  for (const { wanted, most } of [low!, balanced!, fast!]) {
    expect(wanted).toBeLessThanOrEqual(most);
    expect(most).toBeLessThan(machineMemory());
  }
});

it("leaves a GPU's memory, of which nothing is known, to be used", () => {
  for (const use of ['balanced', 'fast'] as const) expect(memoryBudget(use, on('cuda')).wanted).toBe(Infinity);
  expect(memoryBudget('low', on('cuda')).wanted).toBeLessThan(2 ** 30);
});
