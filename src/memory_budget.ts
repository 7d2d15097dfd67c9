import type { Device } from './device/addon.js';
import type { Budget } from './graph/bands/plan.js';
import { machineMemory } from './machine_memory.js';

/** How much memory is taken for less time. */
export type MemoryUse = 'low' | 'balanced' | 'fast';

/** Parts of the memory that this process may take. */
const SHARES: Readonly<Record<MemoryUse, Budget>> = {
  low: { wanted: 0, most: 1 / 2 },
  balanced: { wanted: 1 / 4, most: 1 / 2 },
  fast: { wanted: 3 / 4, most: 3 / 4 },
};
/** What nobody has to save. */
const LITTLE = 64 * 2 ** 20;

/** What the images of a pass of the autoencoder may take. Of a GPU's memory nothing is known: there all is taken, or with `low` as little as can be. */
export function memoryBudget(use: MemoryUse, { kind }: Pick<Device, 'kind'>): Budget {
  const share = SHARES[use];
  if (kind === 'cuda') return { wanted: use === 'low' ? LITTLE : Infinity, most: Infinity };
  const memory = machineMemory();
  return { wanted: Math.max(LITTLE, share.wanted * memory), most: share.most * memory };
}
