import type { Checkpoint } from '../checkpoint/checkpoint.js';
import type { CLIPTokenizer } from '../checkpoint/tokenizer.js';
import { LatinoError } from '../errors.js';
import type { Autoencoder } from '../networks/autoencoder.js';
import type { CLIPTextConfig } from '../networks/clip_text.js';
import type { UNet2DConditionConfig } from '../networks/unet2d_condition.js';
import type { TextEncoderPart } from './families/family.js';

/** What diffusers' pipeline for latent consistency models takes. */
const DEFAULT_GUIDANCE = 8.5;

/** The component's class, which must be one of these. */
export function requireClass(checkpoint: Checkpoint, component: string, expected: readonly string[]): string {
  const actual = checkpoint.className(component);
  if (actual !== undefined && expected.includes(actual)) return actual;
  const place = actual === undefined ? checkpoint.path : checkpoint.component(component).place;
  throw new LatinoError(
    'ERR_LATINO_MODEL',
    `Expected ${component} of class ${expected.join(' or ')} in ${place} but found ${actual ?? 'none'}`,
  );
}

/** Weights agree with their own configurations; these must agree with one another. */
export function requireFittingParts(
  folder: string,
  unet: UNet2DConditionConfig,
  vae: Autoencoder,
  texts: readonly { readonly part: TextEncoderPart; readonly config: CLIPTextConfig; readonly tokenizer: CLIPTokenizer }[],
): void {
  const names = texts.map(({ part }) => part.component).join(' and ');
  const [tokens] = texts.map(({ tokenizer }) => tokenizer.maxLength);
  const pairs: readonly (readonly [what: string, unet: number, other: number])[] = [
    ['in_channels of the unet to be the latent_channels of the vae', unet.in_channels, vae.latentChannels],
    ['out_channels of the unet to be its in_channels', unet.out_channels, unet.in_channels],
    [
      `cross_attention_dim of the unet to be the hidden_size of the ${names}`,
      unet.cross_attention_dim,
      texts.reduce((sum, { config }) => sum + config.hidden_size, 0),
    ],
    ...texts.flatMap(({ part, config, tokenizer }) => [
      [`as many tokens of the ${part.tokenizer} as of the tokenizer`, tokenizer.maxLength, tokens!] as const,
      ...(part.isPooled
        ? [
            [
              `text_embeds of the unet to be as long as those of the ${part.component}`,
              pooledChannels(unet),
              config.projection_dim,
            ] as const,
          ]
        : []),
    ]),
  ];
  for (const [what, actual, expected] of pairs)
    if (actual !== expected) throw new LatinoError('ERR_LATINO_MODEL', `Expected ${what} (${expected}) in ${folder} but found ${actual}`);
  for (const { part, config, tokenizer } of texts) {
    if (tokenizer.maxLength > config.max_position_embeddings) {
      throw new LatinoError(
        'ERR_LATINO_MODEL',
        `Expected at most ${config.max_position_embeddings} tokens, the positions of the ${part.component}, in ${folder} but its tokenizer makes ${tokenizer.maxLength}`,
      );
    }
  }
}

/** What one autoencoder encodes the other must be able to decode: as far as their configurations tell. */
export function requireSameLatents(vae: Autoencoder, other: Autoencoder): void {
  for (const key of ['latentChannels', 'downscaling'] as const)
    if (other[key] !== vae[key]) {
      const what = { latentChannels: 'latent channels', downscaling: 'pixels a latent' }[key];
      throw new LatinoError(
        'ERR_LATINO_MODEL',
        `Expected an autoencoder of ${vae[key]} ${what}, as the model's own, but found ${other[key]}`,
      );
    }
}

/** Of the pooled embedding that a UNet with text_time conditioning takes: what lies beside the six sines of the size. */
const pooledChannels = (unet: UNet2DConditionConfig): number =>
  (unet.projection_class_embeddings_input_dim ?? 0) - 6 * (unet.addition_time_embed_dim ?? 0);

/** The guidance scale to build in, where the UNet takes one. */
export function guidanceOf(config: UNet2DConditionConfig, guidance?: number): number | undefined {
  if (guidance === undefined) return config.time_cond_proj_dim ? DEFAULT_GUIDANCE : undefined;
  if (!config.time_cond_proj_dim)
    throw new LatinoError('ERR_LATINO_ARGUMENT', 'Expected no guidance: the UNet of this model has no input for it (time_cond_proj_dim)');
  if (!(guidance >= 1 && guidance < Infinity))
    throw new LatinoError('ERR_LATINO_ARGUMENT', `Expected a number of 1 or more for guidance but received ${guidance}`);
  return guidance;
}
