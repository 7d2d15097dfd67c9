import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FolderFiles } from '../../src/checkpoint/diffusers_folder.js';
import { findModel } from '../../src/checkpoint/embedded_models.js';
import { readModelJson } from '../../src/checkpoint/json_file.js';
import { loadTokenizer } from '../../src/checkpoint/tokenizer.js';
import { openWeights } from '../../src/checkpoint/weights_folder.js';
import type { Device, Session } from '../../src/device/addon.js';
import { loadAddon } from '../../src/device/load.js';
import { compile } from '../../src/graph/compile.js';
import { CLIPTextConfig, clipTextGraph } from '../../src/networks/clip_text.js';
import { Conditioning } from '../../src/prior/conditioning.js';
import { PromptCache } from '../../src/prior/prompt_cache.js';
import { TextEncoder } from '../../src/prior/text_encoder.js';
import { DEVICE, TARGET } from '../support/device.js';

const { folder } = findModel('portraits');
const component = join(folder, 'text_encoder');
const addon = loadAddon(DEVICE);

describe('the text encoder', () => {
  let device: Device;
  let encoder: TextEncoder<'last_hidden_state'>;
  const encode = async (prompt: string) => (await encoder.encode(prompt)).last_hidden_state;
  let opened = 0;
  let isBroken = false;

  beforeAll(async () => {
    device = addon.openDevice(DEVICE);
    const config = CLIPTextConfig.parse(await readModelJson(join(component, 'config.json')));
    const open = async (): Promise<Session> => {
      opened++;
      if (isBroken) throw new Error('the disk is gone');
      const { model, options } = compile(clipTextGraph(config, await openWeights(component)), TARGET);
      return addon.createSession(device, model, options);
    };
    const tokenizer = await loadTokenizer(new FolderFiles(join(folder, 'tokenizer')));
    encoder = new TextEncoder(device, tokenizer, { last_hidden_state: [1, tokenizer.maxLength, config.hidden_size] }, open);
  });
  afterAll(() => encoder.dispose());

  it('opens one session for many prompts at once', async () => {
    opened = 0;
    const prompts = Array.from({ length: 24 }, (_, i) => `a portrait of a person number ${i}`);
    const embeddings = await Promise.all(prompts.map(encode));
    await Promise.all(embeddings.map((embedding) => embedding.ready()));
    expect(opened).toBe(1);
    const [first, second] = await Promise.all(embeddings.map((embedding) => embedding.read()));
    expect(first).not.toEqual(second);
    for (const embedding of embeddings) embedding.dispose();
  });

  it('is opened again after a failure, which all who wait are told', async () => {
    await encoder.dispose();
    opened = 0;
    isBroken = true;
    const failures = await Promise.allSettled(['a', 'b', 'c'].map((prompt) => encoder.encode(prompt)));
    expect(failures.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    isBroken = false;
    using embedding = await encode('a');
    await embedding.ready();
    expect(opened).toBeLessThanOrEqual(4);
  });

  it('encodes a prompt once, whoever asks, and forgets those used long ago', async () => {
    const asked: string[] = [];
    const cache = new PromptCache(async (prompt) => {
      asked.push(prompt);
      return new Conditioning(await encode(prompt));
    });
    const shape = (prompt: string) => cache.with(prompt, ({ promptEmbeds }) => promptEmbeds.shape.join());
    expect(await Promise.all([shape('a'), shape('a'), shape('b')])).toEqual(['1,48,128', '1,48,128', '1,48,128']);
    expect(asked).toEqual(['a', 'b']);
    for (let i = 0; i < 40; i++) await shape(`prompt ${i}`);
    expect(asked).toHaveLength(42);
    await shape('prompt 39');
    expect(asked).toHaveLength(42);
    await shape('a');
    expect(asked).toHaveLength(43);
    await cache.clear();
    await device.synchronize();
    expect(device.memory.inUse).toBe(0);
  });
});
