import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { BYTE_CHARACTERS, CLIPTokenizer, loadTokenizer } from '../../src/pipeline/tokenizer.js';
import { goldenPath } from '../support/golden.js';

interface Case {
  readonly text: string;
  readonly ids: number[];
  readonly n: number;
  readonly untruncated_n: number;
}

const readCases = (path: string): Case[] => (existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as { cases: Case[] }).cases : []);
const big = (ids: readonly number[]) => BigInt64Array.from(ids, BigInt);

const clipCases = readCases(goldenPath('clip/clip-tokenizer-cases.json'));

describe.skipIf(clipCases.length === 0)('the CLIP vocabulary (golden/clip)', () => {
  const tokenizer = clipCases.length > 0 ? clip() : undefined;

  it('has every case', () => expect(clipCases).toHaveLength(60));

  it.each(clipCases)('$text', ({ text, ids, n, untruncated_n }) => {
    expect(tokenizer!.encode(text)).toEqual(big(ids));
    expect(tokenizer!.truncated(text)).toBe(untruncated_n - n);
  });
});

function clip(): CLIPTokenizer {
  const merges = gunzipSync(readFileSync(goldenPath('clip/bpe_simple_vocab_16e6.txt.gz'))).toString('utf8').split('\n').slice(1, 48895);
  const inGPT2Order = [...BYTE_CHARACTERS.filter((c) => c.charCodeAt(0) < 256), ...BYTE_CHARACTERS.filter((c) => c.charCodeAt(0) >= 256)];
  const names = [
    ...inGPT2Order,
    ...inGPT2Order.map((character) => `${character}</w>`),
    ...merges.map((pair) => pair.replace(' ', '')),
    '<|startoftext|>',
    '<|endoftext|>',
  ];
  return new CLIPTokenizer(new Map(names.map((name, id) => [name, id])), merges);
}

const tinyCases = readCases(goldenPath('models/tiny-sd15/tokenizer-cases.json'));

describe.skipIf(tinyCases.length === 0)('the small vocabulary (golden/models)', () => {
  it.each(tinyCases)('tiny-sd15: $text', async ({ text, ids }) => {
    expect((await loadTokenizer(goldenPath('models/tiny-sd15/tokenizer'))).encode(text)).toEqual(big(ids));
  });

  it.skipIf(!existsSync(goldenPath('models/tiny-sdxl'))).each(tinyCases)("tiny-sdxl's second pads with 0: $text", async ({ text, ids }) => {
    const [first, second] = await Promise.all(['tokenizer', 'tokenizer_2'].map((name) => loadTokenizer(goldenPath(`models/tiny-sdxl/${name}`))));
    expect(first!.encode(text)).toEqual(big(ids));
    // Of the ids of the first, what follows the first closing token is padding.
    const end = ids.indexOf(ids.at(-1)!) + 1;
    expect(second!.encode(text)).toEqual(big(ids.map((id, i) => (i < end ? id : 0))));
  });
});
