export interface AutoencoderOptions {
  /** Clip images to [-1, 1]: before encoding, after decoding. */
  readonly clip?: boolean;
  /** Latents outside the graph are this many times those inside. */
  readonly scale?: number;
}
