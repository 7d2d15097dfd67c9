/** Where a weight lies in a .safetensors file. */
export interface WeightInfo {
  readonly dtype: 'F32' | 'F16' | 'BF16';
  readonly shape: readonly number[];
  /** Absolute, with symbolic links resolved. */
  readonly path: string;
  /** Bytes from the start of the file. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
}

/** The weights of one network by name. */
export interface WeightStore {
  has(name: string): boolean;
  /** Throws ERR_LATINO_MODEL when the weight is missing or has another shape. */
  get(name: string, shape: readonly number[]): WeightInfo;
}
