const EMPTY = 0n;

/**
 * A map from digests to digests, 24 bytes an entry and room to spare, where a `Map` of strings takes two hundred: what a batch of a million
 * images has to remember. Of a digest it keeps the first 64 bits; two of a million are the same once in forty million batches.
 */
export class DigestMap {
  private keys = new BigUint64Array(1024);
  private values = new BigUint64Array(1024);
  private times = new Float64Array(1024);
  private count = 0;

  /** What was set last for the key, with its time. */
  get(key: Uint8Array): { readonly value: bigint; readonly time: number } | undefined {
    const slot = this.find(first64(key));
    return this.keys[slot] === EMPTY ? undefined : { value: this.values[slot]!, time: this.times[slot]! };
  }

  set(key: Uint8Array, value: bigint, time = 0): void {
    const short = first64(key);
    if (this.keys[this.find(short)] === EMPTY && ++this.count * 2 > this.keys.length) this.grow();
    this.put(this.find(short), short, value, time);
  }

  private put(slot: number, key: bigint, value: bigint, time: number): void {
    this.keys[slot] = key;
    this.values[slot] = value;
    this.times[slot] = time;
  }

  /** Where the key is, or would be: linear probing. */
  private find(key: bigint): number {
    const mask = this.keys.length - 1;
    let slot = Number(key & BigInt(mask));
    while (this.keys[slot] !== EMPTY && this.keys[slot] !== key) slot = (slot + 1) & mask;
    return slot;
  }

  private grow(): void {
    const { keys, values, times } = this;
    this.keys = new BigUint64Array(2 * keys.length);
    this.values = new BigUint64Array(2 * keys.length);
    this.times = new Float64Array(2 * keys.length);
    for (const [k, key] of keys.entries()) if (key !== EMPTY) this.put(this.find(key), key, values[k]!, times[k]!);
  }
}

/** The first 64 bits, which are never all zero: that is an empty slot's key. */
export function first64(digest: Uint8Array): bigint {
  const value = new DataView(digest.buffer, digest.byteOffset, digest.byteLength).getBigUint64(0);
  return value === EMPTY ? 1n : value;
}
