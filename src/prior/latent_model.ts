import type { Addon, Device, PictureSize, Session, Tensor } from '../device/addon.js';
import { allOrNone } from './all_or_none.js';
import { Conditioning } from './conditioning.js';
import { Embedding, requireFit } from './embedding.js';
import type { Family } from './families/family.js';
import type { FramedAutoencoder } from './framed_autoencoder.js';
import type { Prior, PromptGradient, Window } from './prior.js';
import { PromptCache } from './prompt_cache.js';
import type { PromptEncoder } from './prompt_encoder.js';
import { StepPrior } from './step_prior.js';

/** What a loaded checkpoint consists of. */
export interface LatentModelParts {
  readonly family: Family;
  readonly nativeSize: number;
  readonly alphaCumprod: (t: number) => number;
  readonly unet: Session;
  /** The UNet with the derivative with respect to the prompt; made on first use. */
  readonly openReverse: () => Promise<Session>;
  readonly autoencoder: FramedAutoencoder;
  /** Of the steps before the last, where that is another. */
  readonly stepAutoencoder?: FramedAutoencoder;
  readonly promptEncoder: PromptEncoder;
  /** Called when the model is disposed. */
  readonly stopWatching?: () => void;
}

/** A latent diffusion model, distilled to consistency, as a prior: its networks are sessions on one device. */
export class LatentModel implements Prior {
  private readonly prompts: PromptCache;
  private readonly timeIds = new Map<string, Tensor>();
  private reverse?: Promise<Session>;

  constructor(
    private readonly addon: Addon,
    readonly device: Device,
    private readonly parts: LatentModelParts,
  ) {
    this.prompts = new PromptCache((prompt) => parts.promptEncoder.encode(prompt));
  }

  get family(): Family {
    return this.parts.family;
  }

  get nativeSize(): number {
    return this.parts.nativeSize;
  }

  /** [1, tokens, channels] of what the UNet attends to. */
  get embeddingShape(): readonly [number, number, number] {
    return this.parts.promptEncoder.shape;
  }

  alphaCumprod(t: number): number {
    return this.parts.alphaCumprod(t);
  }

  /** How many tokens of the prompt are more than the text encoders take. */
  truncatedTokens(prompt: string): number {
    return this.parts.promptEncoder.truncated(prompt);
  }

  /** Of the text encoders' weights; embeddings made with others are refused. */
  textEncoderDigest(): Promise<string> {
    return this.parts.promptEncoder.digest();
  }

  /**
   * c for a batch of N texts, each a prompt or an embedding; the caller disposes it.
   *
   * @throws LatinoError ERR_LATINO_EMBEDDING when an embedding was made for another model
   */
  async condition(texts: readonly (string | Embedding)[]): Promise<Conditioning> {
    const each = await allOrNone(texts.map((text) => this.embed(text)));
    const [first] = each;
    if (each.length === 1) return first!;
    try {
      const added = Object.keys(first!.added).map((name) => [name, this.addon.concatenate(each.map((one) => one.added[name]!))] as const);
      return new Conditioning(this.addon.concatenate(each.map(({ promptEmbeds }) => promptEmbeds)), Object.fromEntries(added));
    } finally {
      for (const one of each) one.dispose();
    }
  }

  encode(image: Tensor): Tensor {
    return this.parts.autoencoder.encode(image);
  }

  decode(latents: Tensor, height: number, width: number): Tensor {
    return this.parts.autoencoder.decode(latents, height, width);
  }

  get downscaling(): number {
    return this.parts.autoencoder.downscaling;
  }

  get noiseGain(): number {
    return this.parts.autoencoder.noiseGain;
  }

  get forLastStep(): Prior {
    return this;
  }

  /** The prior of the steps before the last. */
  get forSteps(): Prior {
    const { stepAutoencoder } = this.parts;
    return stepAutoencoder ? new StepPrior(this, stepAutoencoder) : this;
  }

  placeInputs(picture: PictureSize, window: Window): Readonly<Record<string, Tensor>> {
    return this.timeIdInputs(1, picture, window);
  }

  predictNoise(z: Tensor, t: number, c: Conditioning): Tensor {
    using timestep = this.device.full([z.shape[0]!], t, 'i64');
    return this.parts.unet.run(this.inputs(z, timestep, c), { eps: z.shape }).eps;
  }

  async loadPromptGradient(): Promise<PromptGradient> {
    this.reverse ??= this.parts.openReverse();
    this.reverse.catch(() => {
      this.reverse = undefined;
    });
    const session = await this.reverse;
    return (z, t, c, cotangent) => {
      using timestep = this.device.full([z.shape[0]!], t, 'i64');
      const inputs = { ...this.inputs(z, timestep, c), g: cotangent };
      return session.run(inputs, { vjp_encoder_hidden_states: c.promptEmbeds.shape }).vjp_encoder_hidden_states;
    };
  }

  /** Frees the networks when what has been enqueued is done. */
  async dispose(): Promise<void> {
    this.parts.stopWatching?.();
    await this.device.synchronize();
    await this.prompts.clear();
    await this.parts.promptEncoder.dispose();
    for (const tensor of this.timeIds.values()) tensor.dispose();
    (await this.reverse?.catch(() => undefined))?.dispose();
    const { unet, autoencoder, stepAutoencoder } = this.parts;
    for (const part of [unet, autoencoder, stepAutoencoder]) part?.dispose();
    await this.device.trim();
  }

  /** [1, ...] of a text; the caller disposes it. */
  private async embed(text: string | Embedding): Promise<Conditioning> {
    if (!(text instanceof Embedding))
      return this.prompts.with(text, (known) => known.map((tensor) => this.addon.linearCombination(1, tensor, 0, tensor)));
    const { shape, pooledChannels } = this.parts.promptEncoder;
    requireFit(text, shape, pooledChannels, text.source.textEncoder && (await this.textEncoderDigest()));
    const { data, pooled } = text;
    return new Conditioning(
      this.device.upload(data, shape),
      pooled && pooledChannels ? { text_embeds: this.device.upload(pooled, [1, pooledChannels]) } : {},
    );
  }

  private inputs(sample: Tensor, timestep: Tensor, { promptEmbeds, added }: Conditioning): Record<string, Tensor> {
    return { sample, timestep, encoder_hidden_states: promptEmbeds, ...this.sizeInputs(sample), ...added };
  }

  /** What the UNet is told of the size of the images whose latents these are, where its family says so. */
  private sizeInputs({ shape }: Tensor): Readonly<Record<string, Tensor>> {
    const [n, , height, width] = shape as readonly [number, number, number, number];
    const size = { height: height * this.downscaling, width: width * this.downscaling };
    return this.timeIdInputs(n, size, { top: 0, left: 0, ...size });
  }

  /** Uploaded once, and kept for as long as the model is: six numbers for each place and size. */
  private timeIdInputs(n: number, picture: PictureSize, window: Window): Readonly<Record<string, Tensor>> {
    const ids = this.family.timeIds?.(picture, window);
    if (!ids) return {};
    const key = `${n} ${ids.join(' ')}`;
    const values = Array.from({ length: n }, () => ids).flat();
    const known = this.timeIds.get(key) ?? this.device.upload(Float32Array.from(values), [n, ids.length]);
    this.timeIds.set(key, known);
    return { time_ids: known };
  }
}
