import type { Addon } from '../device/addon.js';
import { allOrNone } from './all_or_none.js';
import { Conditioning } from './conditioning.js';
import type { TextEncoderPart } from './families/family.js';
import type { TextEncoder } from './text_encoder.js';

/** A text encoder of a family, as it was loaded. */
export interface LoadedTextEncoder {
  readonly part: TextEncoderPart;
  /** Its outputs are those that the part names: `states`, and `text_embeds` where it is pooled. */
  readonly encoder: TextEncoder;
  /** Channels of its states. */
  readonly width: number;
  /** Of the pooled state, where it is an input of the UNet. */
  readonly pooledWidth?: number;
  /** Of its weights. */
  readonly digest: () => Promise<string>;
}

/** The text encoders of a family as one: from a prompt to what the UNet is told of it. */
export class PromptEncoder {
  /** At least one; their tokenizers make as many tokens. */
  constructor(
    private readonly addon: Addon,
    private readonly encoders: readonly LoadedTextEncoder[],
  ) {}

  /** [1, tokens, channels] of c. */
  get shape(): readonly [number, number, number] {
    const channels = this.encoders.reduce((sum, { width }) => sum + width, 0);
    return [1, this.encoders[0]!.encoder.tokenizer.maxLength, channels];
  }

  /** Channels of the pooled embedding, where the UNet takes one. */
  get pooledChannels(): number | undefined {
    return this.encoders.find(({ part }) => part.isPooled)?.pooledWidth;
  }

  /** How many tokens of the prompt are more than the text encoders take. */
  truncated(prompt: string): number {
    return Math.max(...this.encoders.map(({ encoder }) => encoder.tokenizer.truncated(prompt)));
  }

  /** Of the text encoders' weights. */
  async digest(): Promise<string> {
    return (await Promise.all(this.encoders.map(({ digest }) => digest()))).join('-');
  }

  /** c, and `text_embeds` where the UNet takes it, [1, ...] each; the caller disposes them. */
  async encode(prompt: string): Promise<Conditioning> {
    const each = await allOrNone(this.encoders.map((encoder) => encodeWith(encoder, prompt)));
    return each.reduce((left, right) => {
      using first = left.promptEmbeds;
      using second = right.promptEmbeds;
      return new Conditioning(this.addon.joinLast(first, second), { ...left.added, ...right.added });
    });
  }

  async dispose(): Promise<void> {
    await Promise.all(this.encoders.map(({ encoder }) => encoder.dispose()));
  }
}

async function encodeWith({ part, encoder }: LoadedTextEncoder, prompt: string): Promise<Conditioning> {
  const { [part.states]: states, ...added } = await encoder.encode(prompt);
  return new Conditioning(states!, added);
}
