/**
 * The numbers that `torch.Generator().manual_seed(seed)` and `torch.randn` give on a CPU, so that a run can have the noise of the
 * reference implementation: MT19937 (Matsumoto and Nishimura 1998) and Box-Muller on blocks of 16.
 */
export class TorchGenerator {
  private readonly state = new Uint32Array(624);
  private index = 624;

  constructor(seed: number) {
    this.state[0] = seed;
    for (let i = 1; i < 624; i++) {
      const previous = this.state[i - 1]! ^ (this.state[i - 1]! >>> 30);
      this.state[i] = Math.imul(1812433253, previous) + i;
    }
  }

  /** Standard normal numbers; `count` is a multiple of 16. */
  randn(count: number, type: 'float32' | 'float64'): Float64Array {
    if (count % 16 !== 0) throw new Error(`expected a multiple of 16 but received ${count}`);
    const round = type === 'float32' ? Math.fround : (x: number) => x;
    const values = Float64Array.from({ length: count }, () => (type === 'float32' ? this.uniform24() : this.uniform53()));
    for (let block = 0; block < count; block += 16) {
      for (let j = block; j < block + 8; j++) {
        const radius = Math.sqrt(-2 * Math.log(1 - values[j]!));
        const angle = 2 * Math.PI * values[j + 8]!;
        values[j] = round(radius * Math.cos(angle));
        values[j + 8] = round(radius * Math.sin(angle));
      }
    }
    return values;
  }

  private uniform24(): number {
    return (this.next() & 0xffffff) / 2 ** 24;
  }

  private uniform53(): number {
    const high = this.next() & 0x1fffff;
    return (high * 2 ** 32 + this.next()) / 2 ** 53;
  }

  private next(): number {
    if (this.index === 624) this.twist();
    let y = this.state[this.index++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  private twist(): void {
    for (let i = 0; i < 624; i++) {
      const y = (this.state[i]! & 0x80000000) | (this.state[(i + 1) % 624]! & 0x7fffffff);
      this.state[i] = this.state[(i + 397) % 624]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.index = 0;
  }
}
