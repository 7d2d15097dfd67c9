import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FolderFiles } from '../../src/checkpoint/diffusers_folder.js';
import { BYTE_CHARACTERS, CLIPTokenizer, loadTokenizer } from '../../src/checkpoint/tokenizer.js';

const merges = ['a b', 'ab c</w>', '# #'];
const names = [
  ...BYTE_CHARACTERS,
  ...BYTE_CHARACTERS.map((c) => `${c}</w>`),
  ...merges.map((m) => m.replace(' ', '')),
  '<|startoftext|>',
  '<|endoftext|>',
];
const vocabulary = new Map(names.map((name, id) => [name, id]));
const id = (name: string) => BigInt(vocabulary.get(name)!);
const [bos, eos] = [id('<|startoftext|>'), id('<|endoftext|>')];

describe('CLIPTokenizer', () => {
  const tokenizer = new CLIPTokenizer(vocabulary, merges, { maxLength: 6 });

  it('merges the best pairs and pads', () => {
    expect([...tokenizer.encode('ABC')]).toEqual([bos, id('abc</w>'), eos, eos, eos, eos]);
    expect([...tokenizer.encode('abab')]).toEqual([bos, id('ab'), id('a'), id('b</w>'), eos, eos]);
  });

  it('cuts what does not fit and says how much', () => {
    expect([...tokenizer.encode('1 2 3 4 5 6')]).toEqual([bos, ...['1', '2', '3', '4'].map((c) => id(`${c}</w>`)), eos]);
    expect(tokenizer.truncated('1 2 3 4 5 6')).toBe(2);
    expect(tokenizer.truncated('1 2 3 4')).toBe(0);
  });

  it('takes a word of 100,000 letters', () => {
    expect(tokenizer.truncated('ab'.repeat(50_000))).toBe(50_001 - 4);
  });

  it('takes unpaired surrogates and names of object properties', () => {
    expect(tokenizer.encode('\ud800 constructor __proto__')).toHaveLength(6);
  });

  it('needs its special tokens', () => {
    expect(() => new CLIPTokenizer(new Map([['a', 0]]), [])).toThrow(expect.objectContaining({ code: 'ERR_LATINO_MODEL' }));
  });
});

describe('loadTokenizer', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'latino-tokenizer-'));
    await write('vocab.json', JSON.stringify(Object.fromEntries(vocabulary)));
    await write('merges.txt', `#version: 0.2\n${merges.join('\n')}\n`);
  });
  afterEach(() => rm(folder, { recursive: true }));
  const write = (name: string, text: string) => writeFile(join(folder, name), text);
  const last = async () => (await loadTokenizer(new FolderFiles(folder))).encode('').at(-1);

  it('works from the vocabulary and merges alone, with Windows line ends too', async () => {
    await write('merges.txt', `${merges.join('\r\n')}\r\n`);
    const tokenizer = await loadTokenizer(new FolderFiles(folder));
    expect(tokenizer.maxLength).toBe(77);
    expect(tokenizer.encode('abc ##').slice(0, 5)).toEqual(BigInt64Array.of(bos, id('abc</w>'), id('#'), id('#</w>'), eos));
  });

  it('reads the padding as a string or an object, from either file', async () => {
    expect(await last()).toBe(eos);
    await write('special_tokens_map.json', JSON.stringify({ pad_token: { content: '!' } }));
    expect(await last()).toBe(id('!'));
    await write('tokenizer_config.json', JSON.stringify({ pad_token: '?', model_max_length: 48 }));
    expect(await last()).toBe(id('?'));
    expect((await loadTokenizer(new FolderFiles(folder))).maxLength).toBe(48);
  });

  it.each([
    ['vocab.json', '{"a": "b"}'],
    ['vocab.json', '{'],
    ['vocab.json', '{"a": 0}'],
    ['tokenizer_config.json', '{"model_max_length": 0.5}'],
    ['special_tokens_map.json', '{"pad_token": 3}'],
    ['special_tokens_map.json', '{"pad_token": "none such"}'],
  ])('refuses %s with %s', async (name, text) => {
    await write(name, text);
    await expect(loadTokenizer(new FolderFiles(folder))).rejects.toMatchObject({ code: 'ERR_LATINO_MODEL' });
  });

  it('refuses a folder without a vocabulary', async () => {
    await rm(join(folder, 'vocab.json'));
    await expect(loadTokenizer(new FolderFiles(folder))).rejects.toMatchObject({ code: 'ERR_LATINO_MODEL' });
  });
});
