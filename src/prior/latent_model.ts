import type { Addon, Device, Session, Tensor } from '../device/addon.js';
import { allOrNone } from './all_or_none.js';
import { Conditioning } from './conditioning.js';
import { Embedding, requireFit } from './embedding.js';
import type { Family } from './families/family.js';
import type { Prior, PromptGradient } from './prior.js';
import { PromptCache } from './prompt_cache.js';
import type { TextEncoder } from './text_encoder.js';

/** What a loaded checkpoint consists of. */
export interface LatentModelParts {
  readonly family: Family;
  readonly nativeSize: number;
  readonly alphaCumprod: (t: number) => number;
  readonly unet: Session;
  /** The UNet with the derivative with respect to the prompt; made on first use. */
  readonly openReverse: () => Promise<Session>;
  readonly encoder: Session;
  readonly decoder: Session;
  readonly latentChannels: number;
  /** Image pixels per latent, along a side. */
  readonly downscaling: number;
  /** Image sides that the networks can halve as often as they do are multiples of this. */
  readonly multiple: number;
  readonly textEncoder: TextEncoder;
  /** Of what the UNet attends to. */
  readonly embeddingChannels: number;
  /** Of the text encoder's weights; embeddings made with others are refused. */
  readonly textEncoderDigest: () => Promise<string>;
}

/** A latent diffusion model, distilled to consistency, as a prior: its networks are sessions on one device. */
export class LatentModel implements Prior {
  private readonly prompts: PromptCache;
  private reverse?: Promise<Session>;

  constructor(
    private readonly addon: Addon,
    readonly device: Device,
    private readonly parts: LatentModelParts,
  ) {
    this.prompts = new PromptCache((prompt) => parts.textEncoder.encode(prompt));
  }

  get family(): Family {
    return this.parts.family;
  }

  get nativeSize(): number {
    return this.parts.nativeSize;
  }

  /** [1, tokens, channels] of what the UNet attends to. */
  get embeddingShape(): readonly [number, number, number] {
    return [1, this.parts.textEncoder.tokenizer.maxLength, this.parts.embeddingChannels];
  }

  alphaCumprod(t: number): number {
    return this.parts.alphaCumprod(t);
  }

  /** How many tokens of the prompt are more than the text encoder takes. */
  truncatedTokens(prompt: string): number {
    return this.parts.textEncoder.tokenizer.truncated(prompt);
  }

  /** Of the text encoder's weights. */
  textEncoderDigest(): Promise<string> {
    return this.parts.textEncoderDigest();
  }

  /**
   * c for a batch of N texts, each a prompt or an embedding; the caller disposes it.
   *
   * @throws LatinoError ERR_LATINO_EMBEDDING when an embedding was made for another model
   */
  async condition(texts: readonly (string | Embedding)[]): Promise<Conditioning> {
    const promptEmbeds = await allOrNone(texts.map((text) => this.embed(text)));
    if (promptEmbeds.length === 1) return new Conditioning(promptEmbeds[0]!);
    try {
      return new Conditioning(this.addon.concatenate(promptEmbeds));
    } finally {
      for (const tensor of promptEmbeds) tensor.dispose();
    }
  }

  encode(image: Tensor): Tensor {
    const [n, , height, width] = image.shape as readonly [number, number, number, number];
    const frame = this.frame(height, width);
    const { latentChannels, downscaling, encoder } = this.parts;
    const shape = [n, latentChannels, frame.height / downscaling, frame.width / downscaling];
    if (frame.height === height && frame.width === width) return encoder.run({ image }, { latents: shape }).latents;
    using framed = this.addon.fitFrame(image, frame.height, frame.width);
    return encoder.run({ image: framed }, { latents: shape }).latents;
  }

  decode(latents: Tensor, height: number, width: number): Tensor {
    const frame = this.frame(height, width);
    const { image } = this.parts.decoder.run({ latents }, { image: [latents.shape[0]!, 3, frame.height, frame.width] });
    if (frame.height === height && frame.width === width) return image;
    using framed = image;
    return this.addon.fitFrame(framed, height, width);
  }

  predictNoise(z: Tensor, t: number, c: Conditioning): Tensor {
    using timestep = this.device.full([z.shape[0]!], t, 'i64');
    return this.parts.unet.run({ sample: z, timestep, encoder_hidden_states: c.promptEmbeds, ...c.added }, { eps: z.shape }).eps;
  }

  async loadPromptGradient(): Promise<PromptGradient> {
    this.reverse ??= this.parts.openReverse();
    this.reverse.catch(() => {
      this.reverse = undefined;
    });
    const session = await this.reverse;
    return (z, t, { promptEmbeds, added }, cotangent) => {
      using timestep = this.device.full([z.shape[0]!], t, 'i64');
      const inputs = { sample: z, timestep, encoder_hidden_states: promptEmbeds, ...added, g: cotangent };
      return session.run(inputs, { vjp_encoder_hidden_states: promptEmbeds.shape }).vjp_encoder_hidden_states;
    };
  }

  /** Frees the networks when what has been enqueued is done. */
  async dispose(): Promise<void> {
    await this.device.synchronize();
    this.prompts.clear();
    await this.parts.textEncoder.dispose();
    (await this.reverse?.catch(() => undefined))?.dispose();
    for (const session of [this.parts.unet, this.parts.encoder, this.parts.decoder]) session.dispose();
    await this.device.trim();
  }

  /** [1, tokens, channels]; the caller disposes it. */
  private async embed(text: string | Embedding): Promise<Tensor> {
    if (!(text instanceof Embedding))
      return this.prompts.with(text, (embedding) => this.addon.linearCombination(1, embedding, 0, embedding));
    requireFit(text, this.embeddingShape, text.source.textEncoder && (await this.textEncoderDigest()));
    return this.device.upload(text.data, text.shape);
  }

  /** The networks halve their input several times: an image of any other size is mirrored up to the next fitting one. */
  private frame(height: number, width: number): { height: number; width: number } {
    const { multiple } = this.parts;
    return { height: Math.ceil(height / multiple) * multiple, width: Math.ceil(width / multiple) * multiple };
  }
}
