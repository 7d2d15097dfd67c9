import { z } from 'zod';
import { LatinoError } from '../errors.js';
import { parseConfig } from '../networks/config.js';
import { readJson, type TextFiles } from './checkpoint.js';

const CLIP_MAX_LENGTH = 77;

const Vocabulary = z.record(z.string(), z.int().nonnegative());
const Token = z
  .union([
    z.string().transform((content) => ({ content, normalized: false })),
    z.object({ content: z.string(), normalized: z.boolean().default(true) }),
  ])
  .nullish();
const SpecialTokens = z.object({ bos_token: Token, eos_token: Token, pad_token: Token, unk_token: Token });
/** Tokenizers without a limit state 1e30, which is no length to pad to. */
const TokenizerConfig = SpecialTokens.extend({ model_max_length: z.number().nullish() });

// After lower-casing. White_Space, not \s: they differ in U+0085 and U+FEFF.
const WORDS = /'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\p{White_Space}\p{L}\p{N}]+/gu;

export interface CLIPTokenizerOptions {
  readonly maxLength?: number;
  readonly bos?: string;
  readonly eos?: string;
  readonly pad?: string;
  readonly unknown?: string;
  /** Which of these are looked for in the text as it is normalised, in small letters, rather than as it was written. */
  readonly normalized?: readonly string[];
}

/** CLIP's byte-level byte-pair encoding, as CLIPTokenizer of transformers 5. */
export class CLIPTokenizer {
  /** Tokens that `encode` returns, with the first, the last and the padding. */
  readonly maxLength: number;
  private readonly ranks: ReadonlyMap<string, number>;
  /** Special tokens of a text as it was written, and as it is normalised. */
  private readonly written: RegExp;
  private readonly normalized: RegExp;
  private readonly specialIds: ReadonlyMap<string, number>;
  private readonly bos: bigint;
  private readonly eos: bigint;
  private readonly pad: bigint;
  private readonly unknown: number;

  /** merges: pairs "left right", best first. @throws LatinoError ERR_LATINO_MODEL when a special token is not in the vocabulary. */
  constructor(
    private readonly vocabulary: ReadonlyMap<string, number>,
    merges: readonly string[],
    options: CLIPTokenizerOptions = {},
  ) {
    const {
      maxLength = CLIP_MAX_LENGTH,
      bos = '<|startoftext|>',
      eos = '<|endoftext|>',
      pad = eos,
      unknown = eos,
      normalized = [],
    } = options;
    this.maxLength = maxLength;
    this.ranks = new Map(merges.map((pair, rank) => [pair, rank]));
    // The padding, too: with SDXL's second tokenizer every `!` of a text becomes one.
    const special = [...new Set([bos, eos, pad, unknown])];
    this.specialIds = new Map(special.map((token) => [token, this.id(token)]));
    this.written = anyOf(special.filter((token) => !normalized.includes(token)));
    this.normalized = anyOf(special.filter((token) => normalized.includes(token)));
    this.bos = BigInt(this.id(bos));
    this.eos = BigInt(this.id(eos));
    this.pad = BigInt(this.id(pad));
    this.unknown = this.id(unknown);
  }

  /** Ids [maxLength]: first token, text cut to fit, last token, padding. */
  encode(text: string): BigInt64Array {
    const ids = new BigInt64Array(this.maxLength).fill(this.pad);
    const tokens = this.tokens(text).slice(0, this.maxLength - 2);
    ids[0] = this.bos;
    for (const [i, token] of tokens.entries()) ids[i + 1] = BigInt(token);
    ids[tokens.length + 1] = this.eos;
    return ids;
  }

  /** How many tokens of the text `encode` leaves out. */
  truncated(text: string): number {
    return Math.max(0, this.tokens(text).length - (this.maxLength - 2));
  }

  private tokens(text: string): number[] {
    const words = new Map<string, number[]>();
    return text.split(this.written).flatMap((written, i) => {
      // Every other part is what was split at.
      if (i % 2 === 1) return [this.specialIds.get(written)!];
      return lowerCase(written.normalize('NFC'))
        .split(this.normalized)
        .flatMap((part, j) => (j % 2 === 1 ? [this.specialIds.get(part)!] : this.wordsOf(part, words)));
    });
  }

  private wordsOf(text: string, known: Map<string, number[]>): number[] {
    return (text.match(WORDS) ?? []).flatMap((word) => {
      const ids = known.get(word) ?? this.encodeWord(word);
      known.set(word, ids);
      return ids;
    });
  }

  private encodeWord(word: string): number[] {
    let pieces = Array.from(Buffer.from(word, 'utf8'), (byte) => BYTE_CHARACTERS[byte]!);
    pieces[pieces.length - 1] += '</w>';
    for (let best = this.bestPair(pieces); best; best = this.bestPair(pieces)) pieces = mergePair(pieces, best);
    return pieces.map((piece) => this.vocabulary.get(piece) ?? this.unknown);
  }

  private bestPair(pieces: readonly string[]): [string, string] | undefined {
    let best: [string, string] | undefined;
    let bestRank = Number.POSITIVE_INFINITY;
    for (let i = 1; i < pieces.length; i++) {
      const rank = this.ranks.get(`${pieces[i - 1]} ${pieces[i]}`) ?? Number.POSITIVE_INFINITY;
      if (rank >= bestRank) continue;
      bestRank = rank;
      best = [pieces[i - 1]!, pieces[i]!];
    }
    return best;
  }

  private id(token: string): number {
    const id = this.vocabulary.get(token);
    if (id === undefined)
      throw new LatinoError('ERR_LATINO_MODEL', `Expected the token ${token} in the tokenizer's vocabulary but it is not there`);
    return id;
  }
}

/** GPT-2's printable character for each byte: itself where it is printable, else 256, 257, ... */
export const BYTE_CHARACTERS: readonly string[] = (() => {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    return String.fromCharCode(printable ? byte : next++);
  });
})();

/** Matches any of these, and captures it; nothing where there are none. */
function anyOf(tokens: readonly string[]): RegExp {
  if (tokens.length === 0) return /(?!)()/;
  return new RegExp(`(${tokens.map((token) => token.replace(/[^\p{L}\p{N}]/gu, '\\$&')).join('|')})`);
}

/** Code point by code point: of a whole string, JavaScript would make a final capital sigma U+03C2. */
function lowerCase(text: string): string {
  return Array.from(text, (character) => character.toLowerCase()).join('');
}

function mergePair(pieces: readonly string[], [left, right]: [string, string]): string[] {
  const merged: string[] = [];
  for (let i = 0; i < pieces.length; i++) {
    if (pieces[i] === left && pieces[i + 1] === right) {
      merged.push(left + right);
      i++;
    } else merged.push(pieces[i]!);
  }
  return merged;
}

/**
 * Reads vocab.json, merges.txt and, where they are there, tokenizer_config.json and special_tokens_map.json.
 * @throws LatinoError ERR_LATINO_MODEL when a file is missing or invalid.
 */
export async function loadTokenizer(files: TextFiles): Promise<CLIPTokenizer> {
  const read = async <T extends z.ZodType>(name: string, schema: T): Promise<z.output<T>> =>
    parseConfig(schema, await readJson(files, name), `${files.place}/${name}`);
  const readOptional = async <T extends z.ZodType>(name: string, schema: T): Promise<z.output<T>> =>
    files.has(name) ? read(name, schema) : schema.parse({});
  const [vocabulary, merges, config, map] = await Promise.all([
    read('vocab.json', Vocabulary),
    files.readText('merges.txt'),
    readOptional('tokenizer_config.json', TokenizerConfig),
    readOptional('special_tokens_map.json', SpecialTokens),
  ]);
  const special = (name: keyof typeof map) => config[name] ?? map[name] ?? undefined;
  // As transformers enters them, one after the other: what is said last of a token holds.
  const flags = new Map(
    (['bos_token', 'eos_token', 'unk_token', 'pad_token'] as const).map((name) => [special(name)?.content, special(name)?.normalized]),
  );
  return new CLIPTokenizer(new Map(Object.entries(vocabulary)), parseMerges(merges), {
    maxLength: parseMaxLength(config.model_max_length, `${files.place}/tokenizer_config.json`),
    bos: special('bos_token')?.content,
    eos: special('eos_token')?.content,
    pad: special('pad_token')?.content,
    unknown: special('unk_token')?.content,
    normalized: [...flags].flatMap(([content, isNormalized]) => (content !== undefined && isNormalized ? [content] : [])),
  });
}

function parseMerges(text: string): string[] {
  const lines = text.split(/\r?\n/);
  // Only the first line can be a comment: "# #" is a merge.
  return lines.slice(lines[0]!.startsWith('#version') ? 1 : 0).filter((line) => line !== '');
}

function parseMaxLength(length: number | null | undefined, path: string): number {
  if (length === undefined || length === null || length > 1e6) return CLIP_MAX_LENGTH;
  if (Number.isInteger(length) && length >= 2) return length;
  throw new LatinoError('ERR_LATINO_MODEL', `${path} has model_max_length ${length}, expected an integer of at least 2`);
}
