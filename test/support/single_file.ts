import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RawTensor, type RawTensors, readRaw, zeros } from './raw_safetensors.js';
import type { Configs } from './small_checkpoint.js';

// Checkpoints in a single file, made of diffusers folders. The names are a table of their own, from the published files and the indices that
// latent-diffusion counts its blocks by; nothing here looks at the code that reads them.

/** How many of what the configurations say that the names depend on. */
interface Counts {
  /** Of the UNet, where a level has attention, from high to low resolution. */
  readonly attends: readonly boolean[];
  readonly unetLayers: number;
  readonly vaeLevels: number;
}

const RESNET: Readonly<Record<string, string>> = {
  norm1: 'in_layers.0',
  conv1: 'in_layers.2',
  time_emb_proj: 'emb_layers.1',
  norm2: 'out_layers.0',
  conv2: 'out_layers.3',
  conv_shortcut: 'skip_connection',
};
const UNET: Readonly<Record<string, string>> = {
  conv_in: 'input_blocks.0.0',
  'time_embedding.linear_1': 'time_embed.0',
  'time_embedding.linear_2': 'time_embed.2',
  'time_embedding.cond_proj': 'time_embed.cond_proj',
  'add_embedding.linear_1': 'label_emb.0.0',
  'add_embedding.linear_2': 'label_emb.0.2',
  conv_norm_out: 'out.0',
  conv_out: 'out.2',
};

/** The name in latent-diffusion of a UNet's module in diffusers. */
export function unetName(module: string, { attends, unetLayers: layers }: Counts): string {
  const whole = UNET[module];
  if (whole !== undefined) return whole;
  const [, side, a, kind, b, rest] = /^(down|mid|up)_blocks?\.?(\d*)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.+)$/.exec(
    module,
  )!;
  const [level, i] = [Number(a), Number(b)];
  const inside = kind === 'resnets' ? RESNET[rest!]! : rest!;
  if (side === 'mid') return `middle_block.${kind === 'attentions' ? 1 : 2 * i}.${inside}`;
  if (side === 'down') {
    const n = (layers + 1) * level + i + 1;
    if (kind === 'downsamplers') return `input_blocks.${(layers + 1) * (level + 1)}.0.op`;
    return `input_blocks.${n}.${kind === 'resnets' ? 0 : 1}.${inside}`;
  }
  const n = (layers + 1) * level + i;
  if (kind === 'upsamplers') return `output_blocks.${n + layers}.${attends[attends.length - 1 - level] ? 2 : 1}.conv`;
  return `output_blocks.${n}.${kind === 'resnets' ? 0 : 1}.${inside}`;
}

const VAE: readonly (readonly [RegExp, string | ((match: RegExpExecArray, levels: number) => string)])[] = [
  [/conv_norm_out/, 'norm_out'],
  [/conv_shortcut/, 'nin_shortcut'],
  [/mid_block\.resnets\.0/, 'mid.block_1'],
  [/mid_block\.resnets\.1/, 'mid.block_2'],
  [/mid_block\.attentions\.0\.group_norm/, 'mid.attn_1.norm'],
  [/mid_block\.attentions\.0\.(?:to_q|query)/, 'mid.attn_1.q'],
  [/mid_block\.attentions\.0\.(?:to_k|key)/, 'mid.attn_1.k'],
  [/mid_block\.attentions\.0\.(?:to_v|value)/, 'mid.attn_1.v'],
  [/mid_block\.attentions\.0\.(?:to_out\.0|proj_attn)/, 'mid.attn_1.proj_out'],
  [/down_blocks\.(\d)\.resnets\.(\d)/, ([, level, i]) => `down.${level}.block.${i}`],
  [/down_blocks\.(\d)\.downsamplers\.0/, ([, level]) => `down.${level}.downsample`],
  [/up_blocks\.(\d)\.resnets\.(\d)/, ([, level, i], levels) => `up.${levels - 1 - Number(level)}.block.${i}`],
  [/up_blocks\.(\d)\.upsamplers\.0/, ([, level], levels) => `up.${levels - 1 - Number(level)}.upsample`],
];

/** The name in latent-diffusion of an autoencoder's module in diffusers. */
export const vaeName = (module: string, { vaeLevels }: Counts): string =>
  VAE.reduce((name, [pattern, to]) => {
    const match = pattern.exec(name);
    return match ? name.replace(pattern, typeof to === 'string' ? to : to(match, vaeLevels)) : name;
  }, module);

const OPEN_CLIP: Readonly<Record<string, string>> = {
  'text_model.embeddings.position_embedding.weight': 'positional_embedding',
  'text_model.embeddings.token_embedding.weight': 'token_embedding.weight',
  'text_model.final_layer_norm.weight': 'ln_final.weight',
  'text_model.final_layer_norm.bias': 'ln_final.bias',
};

/** OpenCLIP's text encoder of one of transformers. */
export function toOpenClip(tensors: RawTensors): RawTensors {
  const renamed: RawTensors = new Map();
  for (const [name, tensor] of tensors) {
    if (OPEN_CLIP[name] !== undefined) renamed.set(OPEN_CLIP[name]!, tensor);
    else if (name === 'text_projection.weight') renamed.set('text_projection', transpose(tensor));
    else {
      const [, layer, module, parameter] = /^text_model\.encoder\.layers\.(\d+)\.(.+)\.(weight|bias)$/.exec(name)!;
      const to = `transformer.resblocks.${layer}`;
      const names: Readonly<Record<string, string>> = {
        layer_norm1: 'ln_1',
        layer_norm2: 'ln_2',
        'mlp.fc1': 'mlp.c_fc',
        'mlp.fc2': 'mlp.c_proj',
        'self_attn.out_proj': 'attn.out_proj',
      };
      if (names[module!] !== undefined) renamed.set(`${to}.${names[module!]}.${parameter}`, tensor);
      if (module !== 'self_attn.q_proj') continue;
      const parts = ['q', 'k', 'v'].map((letter) => tensors.get(name.replace('q_proj', `${letter}_proj`))!);
      const [rows, ...rest] = tensor.shape as [number, ...number[]];
      const joined = { dtype: tensor.dtype, shape: [3 * rows, ...rest], bytes: Buffer.concat(parts.map(({ bytes }) => bytes)) };
      renamed.set(`${to}.attn.in_proj_${parameter}`, joined);
    }
  }
  return renamed;
}

function transpose({ dtype, shape, bytes }: RawTensor): RawTensor {
  const [rows, columns] = shape as [number, number];
  const size = bytes.length / (rows * columns);
  const to = Buffer.alloc(bytes.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      bytes.copy(to, (column * rows + row) * size, (row * columns + column) * size, (row * columns + column + 1) * size);
  return { dtype, shape: [columns, rows], bytes: to };
}

/** The components of a diffusers folder by the names of a single file, each without its beginning. */
export interface Parts {
  readonly unet: RawTensors;
  readonly vae: RawTensors;
  readonly textEncoder: RawTensors;
  readonly textEncoder2?: RawTensors;
}

const PREFIXES = {
  sd1: { unet: 'model.diffusion_model.', vae: 'first_stage_model.', textEncoder: 'cond_stage_model.transformer.' },
  sdxl: {
    unet: 'model.diffusion_model.',
    vae: 'first_stage_model.',
    textEncoder: 'conditioner.embedders.0.transformer.',
    textEncoder2: 'conditioner.embedders.1.model.',
  },
} as const;

/** @param weights of a component, by the names of diffusers */
export function partsOf(configs: Configs, weights: (component: string) => RawTensors): Parts {
  const { down_block_types: types, layers_per_block: unetLayers } = configs.unet as {
    down_block_types: string[];
    layers_per_block: number;
  };
  const { block_out_channels: vaeWidths } = configs.vae as { block_out_channels: number[] };
  const counts: Counts = { attends: types.map((type) => type.startsWith('CrossAttn')), unetLayers, vaeLevels: vaeWidths.length };
  const renamed = (tensors: RawTensors, rename: (module: string, counts: Counts) => string): RawTensors =>
    new Map(
      [...tensors].map(([name, tensor]) => [name.replace(/^(.+)(\.\w+)$/, (_, module, end) => rename(module, counts) + end), tensor]),
    );
  const vae = new Map(
    [...renamed(weights('vae'), vaeName)].map(([name, tensor]) => {
      const isPixelwise = /attn_1\.(q|k|v|proj_out)\.weight$/.test(name);
      return [name, isPixelwise ? { ...tensor, shape: [...tensor.shape.slice(0, 2), 1, 1] } : tensor];
    }),
  );
  return {
    unet: renamed(weights('unet'), unetName),
    vae,
    textEncoder: weights('text_encoder'),
    ...(configs.text_encoder_2 && { textEncoder2: toOpenClip(weights('text_encoder_2')) }),
  };
}

export function partsOfFolder(folder: string): Parts {
  const components = ['unet', 'vae', 'text_encoder', 'text_encoder_2'].filter((component) => existsSync(join(folder, component)));
  const config = (component: string): unknown => JSON.parse(readFileSync(join(folder, component, 'config.json'), 'utf8'));
  const configs = Object.fromEntries(components.map((component) => [component, config(component)])) as unknown as Configs;
  return partsOf(configs, (component) => {
    const names = readdirSync(join(folder, component)).filter((name) => name.endsWith('.safetensors') && !name.includes('fp16'));
    return readRaw(join(folder, component, names[0]!));
  });
}

/** What published files have beside the networks: the schedule, another average of the weights, positions. */
const BESIDE: readonly (readonly [string, RawTensor])[] = [
  ['betas', zeros('F32', [1000])],
  ['alphas_cumprod', zeros('F32', [1000])],
  ['model_ema.decay', zeros('F32', [])],
  ['model_ema.diffusion_modelinput_blocks00weight', zeros('F32', [2, 2])],
  ['cond_stage_model.transformer.text_model.embeddings.position_ids', zeros('I64', [1, 77])],
];

/** All tensors of a checkpoint in a single file. */
export function singleFileTensors(parts: Parts): RawTensors {
  const prefixes: Readonly<Record<string, string>> = parts.textEncoder2 ? PREFIXES.sdxl : PREFIXES.sd1;
  const tensors: RawTensors = new Map(parts.textEncoder2 ? [] : BESIDE);
  for (const [part, prefix] of Object.entries(prefixes))
    for (const [name, tensor] of parts[part as keyof Parts]!) tensors.set(prefix + name, tensor);
  if (!parts.textEncoder2) return tensors;
  // As Stability's own file has them, in the precision of the weights.
  const { dtype } = parts.unet.get('input_blocks.0.0.weight')!;
  tensors.set(`${PREFIXES.sdxl.textEncoder}text_model.embeddings.position_ids`, zeros(dtype, [1, 77]));
  return tensors.set(`${PREFIXES.sdxl.textEncoder2}logit_scale`, zeros(dtype, []));
}
