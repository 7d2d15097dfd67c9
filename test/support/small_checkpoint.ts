import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Graph } from '../../src/graph/graph.js';
import { elementCount, type WeightInfo, type WeightStore } from '../../src/graph/weights.js';
import { AUTOENCODERS } from '../../src/networks/autoencoder.js';
import { CLIPTextConfig, clipTextGraph } from '../../src/networks/clip_text.js';
import { UNet2DConditionConfig, unetGraph } from '../../src/networks/unet2d_condition.js';
import { root } from './cli.js';
import { encodeRaw, type RawTensor, type RawTensors } from './raw_safetensors.js';

type Config = Readonly<Record<string, unknown>>;

/** A model's configurations, by its components. */
export interface Configs {
  readonly unet: Config;
  readonly vae: Config;
  readonly text_encoder: Config;
  readonly text_encoder_2?: Config;
}

const CLIP = { vocab_size: 49408, max_position_embeddings: 77 };

/** Stable Diffusion 1.5's, and at small widths. */
export const sd1 = (small: boolean): Configs => ({
  unet: {
    ...{ in_channels: 4, out_channels: 4, layers_per_block: 2, attention_head_dim: 8, sample_size: 64 },
    block_out_channels: small ? [32, 64, 64, 64] : [320, 640, 1280, 1280],
    cross_attention_dim: small ? 64 : 768,
    down_block_types: ['CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'DownBlock2D'],
    up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D'],
  },
  vae: {
    block_out_channels: small ? [32, 32, 64, 64] : [128, 256, 512, 512],
    layers_per_block: 2,
    latent_channels: 4,
    scaling_factor: 0.18215,
  },
  text_encoder: small
    ? { ...CLIP, hidden_size: 64, intermediate_size: 128, num_hidden_layers: 2, num_attention_heads: 1 }
    : { ...CLIP, hidden_size: 768, intermediate_size: 3072, num_hidden_layers: 12, num_attention_heads: 12 },
});

/** Stable Diffusion XL's, likewise. */
export const sdxl = (small: boolean): Configs => ({
  unet: {
    ...{ in_channels: 4, out_channels: 4, layers_per_block: 2, use_linear_projection: true, sample_size: 128 },
    block_out_channels: small ? [64, 64, 128] : [320, 640, 1280],
    attention_head_dim: small ? [1, 1, 2] : [5, 10, 20],
    transformer_layers_per_block: small ? [1, 1, 2] : [1, 2, 10],
    cross_attention_dim: small ? 192 : 2048,
    down_block_types: ['DownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D'],
    up_block_types: ['CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'UpBlock2D'],
    ...{
      addition_embed_type: 'text_time',
      addition_time_embed_dim: 256,
      projection_class_embeddings_input_dim: small ? 6 * 256 + 96 : 2816,
    },
  },
  vae: {
    block_out_channels: small ? [32, 32, 64, 64] : [128, 256, 512, 512],
    layers_per_block: 2,
    latent_channels: 4,
    scaling_factor: 0.13025,
  },
  text_encoder: sd1(small).text_encoder,
  text_encoder_2: small
    ? {
        ...CLIP,
        hidden_size: 128,
        intermediate_size: 256,
        num_hidden_layers: 3,
        num_attention_heads: 2,
        projection_dim: 96,
        hidden_act: 'gelu',
      }
    : {
        ...CLIP,
        hidden_size: 1280,
        intermediate_size: 5120,
        num_hidden_layers: 32,
        num_attention_heads: 20,
        projection_dim: 1280,
        hidden_act: 'gelu',
      },
});

/** Shapes of a component's weights, by their names in diffusers. */
export function weightShapes(component: string, config: Config): Map<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  const recorder: WeightStore = {
    // Only what the newest names are; the older ones of an autoencoder's attention are looked for, too.
    has: (name) => !/\.(query|key|value|proj_attn)\./.test(name) && (name !== 'text_projection.weight' || 'projection_dim' in config),
    get(name, shape): WeightInfo {
      shapes.set(name, shape);
      return { dtype: 'F32', shape, path: '', offset: 0, length: 0 };
    },
  };
  const graphs: Readonly<Record<string, () => Graph[]>> = {
    unet: () => [unetGraph(UNet2DConditionConfig.parse(config), recorder)],
    vae: () => {
      const vae = AUTOENCODERS.AutoencoderKL!(config);
      return [vae.encoder(recorder), vae.decoder(recorder)];
    },
  };
  (graphs[component] ?? (() => [clipTextGraph(CLIPTextConfig.parse(config), recorder)]))();
  return shapes;
}

/** Weights of a seeded generator, of a size that keeps values of layers near 1. */
function randomTensors(shapes: ReadonlyMap<string, readonly number[]>): RawTensors {
  let state = 1;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  const tensor = (name: string, shape: readonly number[]): RawTensor => {
    const fanIn = shape.length > 1 ? elementCount(shape.slice(1)) : 1;
    const isScale = shape.length === 1 && /norm\w*\.weight$|layer_norm\d\.weight$/.test(name);
    const values = Float32Array.from({ length: elementCount(shape) }, () =>
      isScale ? 1 + 0.1 * next() : (next() * 3) / Math.sqrt(fanIn) / (shape.length === 1 ? 10 : 1),
    );
    return { dtype: 'F32', shape, bytes: Buffer.from(values.buffer) };
  };
  return new Map([...shapes].map(([name, shape]) => [name, tensor(name, shape)]));
}

const CLASSES: Readonly<Record<keyof Configs, readonly [library: string, className: string]>> = {
  unet: ['diffusers', 'UNet2DConditionModel'],
  vae: ['diffusers', 'AutoencoderKL'],
  text_encoder: ['transformers', 'CLIPTextModel'],
  text_encoder_2: ['transformers', 'CLIPTextModelWithProjection'],
};

/** Writes a diffusers folder with random weights, which is no latent consistency model by its own account. */
export function writeFolder(folder: string, configs: Configs): void {
  const write = (path: string, content: unknown): void => {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), Buffer.isBuffer(content) ? content : JSON.stringify(content));
  };
  const isXl = configs.text_encoder_2 !== undefined;
  const components = Object.entries(configs) as [keyof Configs, Config][];
  for (const [component, config] of components) {
    write(`${component}/config.json`, config);
    const name = component.startsWith('text') ? 'model' : 'diffusion_pytorch_model';
    write(`${component}/${name}.safetensors`, encodeRaw(randomTensors(weightShapes(component, config))));
  }
  const tokenizers = isXl ? { tokenizer: {}, tokenizer_2: { pad_token: '!' } } : { tokenizer: {} };
  const clip = (file: string): Buffer => readFileSync(join(root, 'models/clip-tokenizer', file));
  for (const [name, changes] of Object.entries(tokenizers)) {
    for (const file of ['vocab.json', 'merges.txt']) write(`${name}/${file}`, clip(file));
    write(`${name}/tokenizer_config.json`, { ...JSON.parse(clip('tokenizer_config.json').toString()), ...changes });
  }
  const schedule = { beta_schedule: 'scaled_linear', beta_start: 0.00085, beta_end: 0.012, prediction_type: 'epsilon' };
  write('scheduler/scheduler_config.json', schedule);
  write('model_index.json', {
    _class_name: isXl ? 'StableDiffusionXLPipeline' : 'StableDiffusionPipeline',
    scheduler: ['diffusers', 'EulerDiscreteScheduler'],
    ...Object.fromEntries(components.map(([component]) => [component, CLASSES[component]])),
    ...Object.fromEntries(Object.keys(tokenizers).map((name) => [name, ['transformers', 'CLIPTokenizer']])),
  });
}
