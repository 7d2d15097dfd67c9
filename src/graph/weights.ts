import type { FileVersion } from '../device/addon.js';

/** Where a weight lies in a .safetensors file. */
export interface WeightInfo {
  readonly dtype: 'F32' | 'F16' | 'BF16';
  readonly shape: readonly number[];
  /** Whether the file has the transpose of this matrix. */
  readonly isTransposed?: boolean;
  /** Absolute, with symbolic links resolved. */
  readonly path: string;
  /** Bytes from the start of the file. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
  /** Of the file: another one may have other weights at this place. */
  readonly version?: FileVersion;
  readonly updates?: readonly LowRankUpdate[];
}

/** What is added to a weight [m, n...] as it is read: factor * up down, with up [m, rank] and down [rank, n...]. */
export interface LowRankUpdate {
  readonly up: WeightInfo;
  readonly down: WeightInfo;
  readonly factor: number;
}

/** How many numbers a tensor of this shape holds. */
export const elementCount = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/** The weights of one network by name. */
export interface WeightStore {
  has(name: string): boolean;
  /** Throws ERR_LATINO_MODEL when the weight is missing or has another shape. */
  get(name: string, shape: readonly number[]): WeightInfo;
}
