import type { Addon, Tensor } from '../device/addon.js';

/** An image [N, C, H, W] as bands of rows, one below another, which can be freed from the top. */
export class Bands {
  private readonly bands: Tensor[] = [];
  /** The row of the image that the first band that is left begins with. */
  private top = 0;
  private height = 0;

  constructor(private readonly kernels: Pick<Addon, 'rows' | 'groupMoments' | 'pooledMoments'>) {}

  /** Adds a band below; it belongs to this image from here on. */
  push(band: Tensor): this {
    this.bands.push(band);
    this.height += band.shape[2]!;
    return this;
  }

  /** [N, C, to - from, W]; the caller disposes it. */
  rows(from: number, to: number): Tensor {
    return this.kernels.rows(this.bands, from - this.top, to - this.top);
  }

  /** All of it, which the caller disposes; nothing is left here. */
  join(): Tensor {
    if (this.bands.length === 1) return this.bands.pop()!;
    try {
      return this.rows(0, this.height);
    } finally {
      this.dispose();
    }
  }

  /** Mean and variance of groups of channels over the image, [N, groups, 3]; the caller disposes them. */
  moments(groups: number): Tensor {
    const each: Tensor[] = [];
    try {
      for (const band of this.bands) each.push(this.kernels.groupMoments(band, groups));
      return this.kernels.pooledMoments(each);
    } finally {
      for (const tensor of each) tensor.dispose();
    }
  }

  /** Frees the bands that lie above a row; returns whether there were any. */
  disposeAbove(row: number): boolean {
    const before = this.bands.length;
    for (let [band] = this.bands; band && this.top + band.shape[2]! <= row; [band] = this.bands) {
      this.top += band.shape[2]!;
      band.dispose();
      this.bands.shift();
    }
    return this.bands.length < before;
  }

  dispose(): void {
    for (const band of this.bands.splice(0)) band.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
