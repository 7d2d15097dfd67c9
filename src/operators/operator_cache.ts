import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { Addon, Device, NativeOperator } from '../device/addon.js';
import type { Size } from './kind.js';
import { buildOperator } from './operator.js';
import type { Operator } from './registry.js';

/** The right to use an operator of the cache: it is not disposed before this is. */
export interface OperatorLease extends Disposable {
  readonly operator: NativeOperator;
}

interface Entry {
  readonly operator: NativeOperator;
  leases: number;
}

/** Operators for descriptors and sizes, kept for the next measurement of their kind while they fit into a budget in bytes. */
export class OperatorCache implements Disposable {
  /** The one used last is at the end. */
  private readonly entries = new Map<string, Entry>();

  constructor(
    private readonly addon: Addon,
    private readonly device: Device,
    private readonly budget: number,
  ) {}

  /** The operator for images of this size, built where it is not there. @throws as `buildOperator` does */
  async lease(descriptor: Operator, size: Size): Promise<OperatorLease> {
    const key = `${size.height} ${size.width} ${await digest(descriptor)}`;
    const entry = this.entries.get(key) ?? { operator: buildOperator(this.addon, this.device, descriptor, size), leases: 0 };
    this.entries.delete(key);
    this.entries.set(key, entry);
    entry.leases++;
    this.evict(this.budget);
    let isOpen = true;
    return {
      operator: entry.operator,
      [Symbol.dispose]: () => {
        if (!isOpen) return;
        isOpen = false;
        entry.leases--;
        this.evict(this.budget);
      },
    };
  }

  /** Disposes what nobody uses. */
  [Symbol.dispose](): void {
    this.evict(-1);
  }

  private evict(budget: number): void {
    let bytes = [...this.entries.values()].reduce((sum, { operator }) => sum + operator.bytes, 0);
    for (const [key, { operator, leases }] of this.entries) {
      if (bytes <= budget) return;
      if (leases > 0) continue;
      bytes -= operator.bytes;
      operator.dispose();
      this.entries.delete(key);
    }
  }
}

const digests = new WeakMap<Operator, Promise<string>>();
/** Bytes that are hashed in a few milliseconds. */
const HASHED_AT_ONCE = 2 ** 21;

/** Tells descriptors apart by what they hold. Hashed once for each descriptor, which is frozen. */
function digest(descriptor: Operator): Promise<string> {
  const known = digests.get(descriptor) ?? hashed(descriptor);
  digests.set(descriptor, known);
  return known;
}

async function hashed(descriptor: Operator): Promise<string> {
  const arrays: ArrayBufferView[] = [];
  const plain = JSON.stringify(descriptor, (_, value: unknown) => {
    if (!ArrayBuffer.isView(value)) return value;
    arrays.push(value);
    return null;
  });
  const hash = createHash('sha256').update(plain);
  for (const { buffer, byteOffset, byteLength } of arrays) {
    for (let at = 0; at < byteLength; at += HASHED_AT_ONCE) {
      if (at > 0) await setImmediate(); // a mask of a large photograph is not to hold up the event loop
      hash.update(new Uint8Array(buffer, byteOffset + at, Math.min(HASHED_AT_ONCE, byteLength - at)));
    }
  }
  return hash.digest('hex');
}
