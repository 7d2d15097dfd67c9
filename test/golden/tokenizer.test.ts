import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { FolderFiles } from '../../src/checkpoint/diffusers_folder.js';
import { BYTE_CHARACTERS, CLIPTokenizer, loadTokenizer } from '../../src/checkpoint/tokenizer.js';
import { root } from '../support/cli.js';
import { goldenPath, goldenSet, MODEL_INDEX, modelSets, readGolden } from '../support/golden.js';

interface Case {
  readonly text: string;
  readonly ids: number[];
  readonly n: number;
  readonly untruncated_n: number;
}

const big = (ids: readonly number[]) => BigInt64Array.from(ids, BigInt);

const CLIP = ['clip/clip-tokenizer-cases.json', 'clip/bpe_simple_vocab_16e6.txt.gz'];

goldenSet('the CLIP vocabulary (golden/clip)', CLIP, () => {
  const tokenizer = clip();

  it.each(readGolden<{ cases: Case[] }>(CLIP[0]!).cases)('$text', ({ text, ids, n, untruncated_n }) => {
    expect(tokenizer.encode(text)).toEqual(big(ids));
    expect(tokenizer.truncated(text)).toBe(untruncated_n - n);
  });

  it('is that of the embedded tokenizer, whose special tokens are those of Stable Diffusion', async () => {
    const embedded = (file: string) => readFileSync(join(root, 'models/clip-tokenizer', file), 'utf8');
    const { names, merges } = vocabulary();
    expect(JSON.parse(embedded('vocab.json'))).toEqual(Object.fromEntries(names.map((name, id) => [name, id])));
    expect(embedded('merges.txt').split('\n')).toEqual(['#version: 0.2', ...merges, '']);
    const sameAsFolders = readGolden('models/tiny-sd15/tokenizer/tokenizer_config.json');
    expect(JSON.parse(embedded('tokenizer_config.json'))).toEqual(sameAsFolders);
    const loaded = await loadTokenizer(new FolderFiles(join(root, 'models/clip-tokenizer')));
    expect(loaded.encode("a cat's naïve portrait")).toEqual(tokenizer.encode("a cat's naïve portrait"));
  });
});

function clip(): CLIPTokenizer {
  const { names, merges } = vocabulary();
  return new CLIPTokenizer(new Map(names.map((name, id) => [name, id])), merges);
}

/** OpenAI's, in the order of the ids. */
function vocabulary(): { names: string[]; merges: string[] } {
  const merges = gunzipSync(readFileSync(goldenPath('clip/bpe_simple_vocab_16e6.txt.gz')))
    .toString('utf8')
    .split('\n')
    .slice(1, 48895);
  const inGPT2Order = [...BYTE_CHARACTERS.filter((c) => c.charCodeAt(0) < 256), ...BYTE_CHARACTERS.filter((c) => c.charCodeAt(0) >= 256)];
  const names = [
    ...inGPT2Order,
    ...inGPT2Order.map((character) => `${character}</w>`),
    ...merges.map((pair) => pair.replace(' ', '')),
    '<|startoftext|>',
    '<|endoftext|>',
  ];
  return { names, merges };
}

goldenSet('small vocabularies (golden/models)', [MODEL_INDEX], () => {
  const sets = modelSets();
  for (const { name } of sets.filter(({ files }) => files.includes('tokenizer-cases.json'))) {
    goldenSet(name, [`models/${name}/tokenizer-cases.json`, `models/${name}/tokenizer`], () => {
      const { cases } = readGolden<{ cases: Case[] }>(`models/${name}/tokenizer-cases.json`);

      it.each(cases)('$text', async ({ text, ids }) => {
        expect((await loadTokenizer(new FolderFiles(goldenPath(`models/${name}/tokenizer`)))).encode(text)).toEqual(big(ids));
      });

      // The vocabulary of a pipeline with two tokenizers is the same; its second one pads with 0.
      for (const pair of sets.filter(({ files }) => files.some((file) => file.startsWith('tokenizer_2/')))) {
        goldenSet(`${pair.name}, two tokenizers`, [`models/${pair.name}/tokenizer`, `models/${pair.name}/tokenizer_2`], () => {
          it.each(cases)('$text', async ({ text, ids }) => {
            const load = (tokenizer: string) => loadTokenizer(new FolderFiles(goldenPath(`models/${pair.name}/${tokenizer}`)));
            const [first, second] = await Promise.all([load('tokenizer'), load('tokenizer_2')]);
            expect(first.encode(text)).toEqual(big(ids));
            // Of the ids of the first, what follows the first closing token is padding.
            const end = ids.indexOf(ids.at(-1)!) + 1;
            expect(second.encode(text)).toEqual(big(ids.map((id, i) => (i < end ? id : 0))));
          });
        });
      }
    });
  }
});
