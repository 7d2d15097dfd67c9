import { openDiffusersFolder } from '../checkpoint/diffusers_folder.js';
import { Lora, type LoraOptions, withLoras } from '../checkpoint/lora.js';
import { loadSchedule, type Schedule } from '../checkpoint/schedule.js';
import { type CLIPTokenizer, loadTokenizer } from '../checkpoint/tokenizer.js';
import type { Addon, Device, Session, Tensor } from '../device/addon.js';
import type { BuiltModel } from '../graph/graph.js';
import { AUTOENCODERS, type Autoencoder } from '../networks/autoencoder.js';
import { CLIPTextConfig, clipTextGraph } from '../networks/clip_text.js';
import { UNet2DConditionConfig, unetGraph, unetVjpGraph } from '../networks/unet2d_condition.js';
import { allOrNone } from './all_or_none.js';
import { guidanceOf, requireClass, requireFittingParts } from './model_parts.js';
import type { EmbeddingGradient, LatentModel } from './prior.js';

export interface ModelOptions {
  /** CPU threads; every core by default. */
  readonly threads?: number;
  /** Folder of an autoencoder that takes the place of the model's own. */
  readonly vae?: string;
  /** Changes of the UNet's and the text encoder's weights. */
  readonly loras?: readonly (string | LoraOptions)[];
  /** The guidance scale, 1 or more, of a UNet that has it as an input (time_cond_proj_dim). */
  readonly guidance?: number;
}

const CACHED_PROMPTS = 32;

/** A diffusers folder with its networks as sessions on one device. */
export class LatentConsistencyModel implements LatentModel {
  private readonly embeddings = new Map<string, Promise<Tensor>>();
  private reverse?: Promise<Session>;

  private constructor(
    private readonly addon: Addon,
    readonly device: Device,
    private readonly schedule: Schedule,
    private readonly tokenizer: CLIPTokenizer,
    private readonly text: { config: CLIPTextConfig; session: () => Promise<Session> },
    private readonly unet: { config: UNet2DConditionConfig; session: Session; reverse: () => Promise<Session> },
    private readonly autoencoder: Pick<Autoencoder, 'latentChannels' | 'downscaling'> & { encoder: Session; decoder: Session },
  ) {}

  /**
   * @throws LatinoError ERR_LATINO_MODEL when the folder holds no model of the supported classes, or parts that do not fit together;
   * ERR_LATINO_ARGUMENT when there is a guidance scale that the model cannot take
   */
  static async load(addon: Addon, device: Device, folder: string, options: ModelOptions = {}): Promise<LatentConsistencyModel> {
    const own = await openDiffusersFolder(folder);
    const checkpoint = options.vae === undefined ? own : await own.with('vae', options.vae);
    requireClass(checkpoint, 'unet', ['UNet2DConditionModel']);
    const vaeClass = requireClass(checkpoint, 'vae', Object.keys(AUTOENCODERS));
    requireClass(checkpoint, 'text_encoder', ['CLIPTextModel']);

    const create = ({ model, options: weights }: BuiltModel): Promise<Session> =>
      addon.createSession(device, model, { ...weights, threads: options.threads });
    const [schedule, tokenizer, unetConfig, vae, textConfig, folderWeights, vaeWeights, loras] = await Promise.all([
      loadSchedule(checkpoint.component('scheduler')),
      loadTokenizer(checkpoint.component('tokenizer')),
      checkpoint.readConfig('unet').then((config) => UNet2DConditionConfig.parse(config)),
      checkpoint.readConfig('vae').then((config) => AUTOENCODERS[vaeClass]!(config)),
      checkpoint.readConfig('text_encoder').then((config) => CLIPTextConfig.parse(config)),
      checkpoint.weights('unet'),
      checkpoint.weights('vae'),
      Lora.openAll(options.loras),
    ]);
    const unetWeights = await withLoras('unet', folderWeights, loras);
    const textWeights = () => checkpoint.weights('text_encoder');
    // Opened now, so that what does not fit is told now; without LoRAs not before there is a prompt.
    const changedText = loras.length > 0 ? await withLoras('text_encoder', await textWeights(), loras) : undefined;
    requireFittingParts(folder, unetConfig, vae, textConfig, tokenizer);
    const guidance = guidanceOf(unetConfig, options.guidance);
    // Built before any session is begun: what is wrong with a later graph leaves none behind.
    const graphs = [unetGraph(unetConfig, unetWeights, { guidance }), vae.encoder(vaeWeights), vae.decoder(vaeWeights)];
    const [unet, encoder, decoder] = (await allOrNone(graphs.map((graph) => graph.build()).map(create))) as [Session, Session, Session];
    return new LatentConsistencyModel(
      addon,
      device,
      schedule,
      tokenizer,
      { config: textConfig, session: async () => create(clipTextGraph(textConfig, changedText ?? (await textWeights())).build()) },
      {
        config: unetConfig,
        session: unet,
        reverse: () => create(unetVjpGraph(unetConfig, unetWeights, { wrt: ['encoder_hidden_states'], guidance }).build()),
      },
      { latentChannels: vae.latentChannels, downscaling: vae.downscaling, encoder, decoder },
    );
  }

  /** [1, tokens, channels] of what the UNet is conditioned on. */
  get embeddingShape(): readonly [number, number, number] {
    return [1, this.tokenizer.maxLength, this.unet.config.cross_attention_dim];
  }

  alphaCumprod(t: number): number {
    return this.schedule.alphaCumprod(t);
  }

  /** c: [1, tokens, channels]. Kept for the next call with the same prompt; owned by the model. */
  embed(prompt: string): Promise<Tensor> {
    const known = this.embeddings.get(prompt);
    if (known) return known;
    const embedding = this.encodeText(prompt);
    embedding.catch(() => this.embeddings.delete(prompt));
    this.embeddings.set(prompt, embedding);
    if (this.embeddings.size > CACHED_PROMPTS) this.embeddings.delete(this.embeddings.keys().next().value!);
    return embedding;
  }

  encode(image: Tensor): Tensor {
    const [n, , height, width] = image.shape as readonly [number, number, number, number];
    const frame = this.frame(height, width);
    const { latentChannels, downscaling, encoder } = this.autoencoder;
    const shape = [n, latentChannels, frame.height / downscaling, frame.width / downscaling];
    if (frame.height === height && frame.width === width) return encoder.run({ image }, { latents: shape }).latents;
    using framed = this.addon.fitFrame(image, frame.height, frame.width);
    return encoder.run({ image: framed }, { latents: shape }).latents;
  }

  decode(latents: Tensor, height: number, width: number): Tensor {
    const frame = this.frame(height, width);
    const { image } = this.autoencoder.decoder.run({ latents }, { image: [latents.shape[0]!, 3, frame.height, frame.width] });
    if (frame.height === height && frame.width === width) return image;
    using framed = image;
    return this.addon.fitFrame(framed, height, width);
  }

  predictNoise(z: Tensor, t: number, promptEmbeds: Tensor): Tensor {
    using timestep = this.device.full([z.shape[0]!], t, 'i64');
    return this.unet.session.run({ sample: z, timestep, encoder_hidden_states: promptEmbeds }, { eps: z.shape }).eps;
  }

  /** The derivative of the UNet, which the calibration of a prompt needs; its session is made on first use and kept. */
  async loadEmbeddingGradient(): Promise<EmbeddingGradient> {
    this.reverse ??= this.unet.reverse();
    this.reverse.catch(() => {
      this.reverse = undefined;
    });
    const session = await this.reverse;
    return (z, t, c, cotangent) => {
      using timestep = this.device.full([z.shape[0]!], t, 'i64');
      const inputs = { sample: z, timestep, encoder_hidden_states: c, g: cotangent };
      return session.run(inputs, { vjp_encoder_hidden_states: c.shape }).vjp_encoder_hidden_states;
    };
  }

  async dispose(): Promise<void> {
    await this.device.synchronize();
    (await this.reverse?.catch(() => undefined))?.dispose();
    for (const embedding of this.embeddings.values()) (await embedding.catch(() => undefined))?.dispose();
    this.embeddings.clear();
    for (const session of [this.unet.session, this.autoencoder.encoder, this.autoencoder.decoder]) session.dispose();
  }

  /** The text encoder is needed once per prompt, so its memory is not kept. */
  private async encodeText(prompt: string): Promise<Tensor> {
    const session = await this.text.session();
    try {
      const { maxLength } = this.tokenizer;
      using ids = this.device.upload(this.tokenizer.encode(prompt), [1, maxLength]);
      const shape = [1, maxLength, this.text.config.hidden_size];
      const { last_hidden_state: embedding } = session.run({ input_ids: ids }, { last_hidden_state: shape });
      await embedding.ready();
      return embedding;
    } finally {
      session.dispose();
    }
  }

  /** The networks halve their input several times: an image of any other size is mirrored up to the next fitting one. */
  private frame(height: number, width: number): { height: number; width: number } {
    const multiple = this.autoencoder.downscaling * 2 ** (this.unet.config.block_out_channels.length - 1);
    return { height: Math.ceil(height / multiple) * multiple, width: Math.ceil(width / multiple) * multiple };
  }
}
