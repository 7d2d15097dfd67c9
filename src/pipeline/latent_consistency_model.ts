import { LatinoError } from '../errors.js';
import type { Addon, Device, Session, SessionOptions, Tensor } from '../native/addon.js';
import { AutoencoderTinyConfig, buildTinyDecoder, buildTinyEncoder } from '../networks/autoencoder_tiny.js';
import { buildCLIPText, CLIPTextConfig } from '../networks/clip_text.js';
import { buildUNet, UNet2DConditionConfig, unetVjpGraph } from '../networks/unet2d_condition.js';
import type { EmbeddingGradient, LatentModel } from '../solver/model.js';
import { allOrNone } from './all_or_none.js';
import { type DiffusersFolder, openDiffusersFolder } from './diffusers_folder.js';
import { loadSchedule, type Schedule } from './schedule.js';
import { type CLIPTokenizer, loadTokenizer } from './tokenizer.js';

export interface ModelOptions {
  /** CPU threads; every core by default. */
  readonly threads?: number;
  /** Folder of an autoencoder that takes the place of the model's own. */
  readonly vae?: string;
  /** The guidance scale, 1 or more, of a UNet that has it as an input (time_cond_proj_dim). */
  readonly guidance?: number;
}

const CACHED_PROMPTS = 32;
/** What diffusers' pipeline for latent consistency models takes. */
const DEFAULT_GUIDANCE = 8.5;
/** Image pixels per latent pixel of every Stable Diffusion autoencoder. */
const LATENT_SCALE = 8;

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
    private readonly autoencoder: { config: AutoencoderTinyConfig; encoder: Session; decoder: Session },
  ) {}

  /**
   * @throws LatinoError ERR_LATINO_MODEL when the folder holds no model of the supported classes, or parts that do not fit together;
   * ERR_LATINO_ARGUMENT when there is a guidance scale that the model cannot take
   */
  static async load(addon: Addon, device: Device, folder: string, options: ModelOptions = {}): Promise<LatentConsistencyModel> {
    const own = await openDiffusersFolder(folder);
    const checkpoint = options.vae === undefined ? own : await own.with('vae', options.vae);
    requireClass(checkpoint, 'unet', 'UNet2DConditionModel');
    requireClass(checkpoint, 'vae', 'AutoencoderTiny');
    requireClass(checkpoint, 'text_encoder', 'CLIPTextModel');

    const create = ({ model, options: weights }: { model: Uint8Array; options: SessionOptions }): Promise<Session> =>
      addon.createSession(device, model, { ...weights, threads: options.threads });
    const [schedule, tokenizer, unetConfig, vaeConfig, textConfig, unetWeights, vaeWeights] = await Promise.all([
      loadSchedule(checkpoint.component('scheduler')),
      loadTokenizer(checkpoint.component('tokenizer')),
      checkpoint.readConfig('unet').then((config) => UNet2DConditionConfig.parse(config)),
      checkpoint.readConfig('vae').then((config) => AutoencoderTinyConfig.parse(config)),
      checkpoint.readConfig('text_encoder').then((config) => CLIPTextConfig.parse(config)),
      checkpoint.weights('unet'),
      checkpoint.weights('vae'),
    ]);
    requireFittingParts(folder, unetConfig, vaeConfig, textConfig, tokenizer);
    const guidance = guidanceOf(unetConfig, options.guidance);
    const autoencoderOptions = { clip: true, scale: vaeConfig.scaling_factor };
    // Built before any session is begun: what is wrong with a later graph leaves none behind.
    const graphs = [
      buildUNet(unetConfig, unetWeights, { guidance }),
      buildTinyEncoder(vaeConfig, vaeWeights, autoencoderOptions),
      buildTinyDecoder(vaeConfig, vaeWeights, autoencoderOptions),
    ];
    const [unet, encoder, decoder] = (await allOrNone(graphs.map(create))) as [Session, Session, Session];
    return new LatentConsistencyModel(
      addon,
      device,
      schedule,
      tokenizer,
      { config: textConfig, session: async () => create(buildCLIPText(textConfig, await checkpoint.weights('text_encoder'))) },
      {
        config: unetConfig,
        session: unet,
        reverse: () => create(unetVjpGraph(unetConfig, unetWeights, { wrt: ['encoder_hidden_states'], guidance }).build()),
      },
      { config: vaeConfig, encoder, decoder },
    );
  }

  get isXL(): boolean {
    return this.unet.config.addition_embed_type === 'text_time';
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
    const shape = [n, this.autoencoder.config.latent_channels, frame.height / LATENT_SCALE, frame.width / LATENT_SCALE];
    if (frame.height === height && frame.width === width) return this.autoencoder.encoder.run({ image }, { latents: shape }).latents;
    using framed = this.addon.fitFrame(image, frame.height, frame.width);
    return this.autoencoder.encoder.run({ image: framed }, { latents: shape }).latents;
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
    const multiple = LATENT_SCALE * 2 ** (this.unet.config.block_out_channels.length - 1);
    return { height: Math.ceil(height / multiple) * multiple, width: Math.ceil(width / multiple) * multiple };
  }
}

function requireClass(checkpoint: DiffusersFolder, component: string, expected: string): void {
  const actual = checkpoint.className(component);
  if (actual === expected) return;
  const place = actual === undefined ? checkpoint.path : checkpoint.component(component);
  throw new LatinoError('ERR_LATINO_MODEL', `Expected ${component} of class ${expected} in ${place} but found ${actual ?? 'none'}`);
}

/** Weights agree with their own configurations; these must agree with one another. */
function requireFittingParts(
  folder: string,
  unet: UNet2DConditionConfig,
  vae: AutoencoderTinyConfig,
  text: CLIPTextConfig,
  tokenizer: CLIPTokenizer,
): void {
  if (unet.addition_embed_type === 'text_time')
    throw new LatinoError('ERR_LATINO_MODEL', `Expected a UNet of Stable Diffusion 1.x structure in ${folder} but found that of SDXL`);
  const pairs: readonly (readonly [what: string, unet: number, other: number])[] = [
    ['in_channels of the unet to be the latent_channels of the vae', unet.in_channels, vae.latent_channels],
    ['out_channels of the unet to be its in_channels', unet.out_channels, unet.in_channels],
    ['cross_attention_dim of the unet to be the hidden_size of the text_encoder', unet.cross_attention_dim, text.hidden_size],
  ];
  for (const [what, actual, expected] of pairs)
    if (actual !== expected) throw new LatinoError('ERR_LATINO_MODEL', `Expected ${what} (${expected}) in ${folder} but found ${actual}`);
  if (tokenizer.maxLength > text.max_position_embeddings) {
    throw new LatinoError(
      'ERR_LATINO_MODEL',
      `Expected at most ${text.max_position_embeddings} tokens, the positions of the text_encoder, in ${folder} but its tokenizer makes ${tokenizer.maxLength}`,
    );
  }
}

/** The guidance scale to build in, where the UNet takes one. */
function guidanceOf(config: UNet2DConditionConfig, guidance?: number): number | undefined {
  if (guidance === undefined) return config.time_cond_proj_dim ? DEFAULT_GUIDANCE : undefined;
  if (!config.time_cond_proj_dim)
    throw new LatinoError('ERR_LATINO_ARGUMENT', 'Expected no guidance: the UNet of this model has no input for it (time_cond_proj_dim)');
  if (!(guidance >= 1 && guidance < Infinity))
    throw new LatinoError('ERR_LATINO_ARGUMENT', `Expected a number of 1 or more for guidance but received ${guidance}`);
  return guidance;
}
