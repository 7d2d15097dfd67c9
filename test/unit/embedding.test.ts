import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { imageId } from '../../src/batch/identity.js';
import { encodeSafetensors } from '../../src/checkpoint/encode_safetensors.js';
import { openSafetensors, readTensorFloat32 } from '../../src/checkpoint/safetensors.js';
import { Embedding } from '../../src/prior/embedding.js';

let folder: string;
const at = (name: string): string => join(folder, name);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'latino-embedding-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const values = Float32Array.of(0, -0, 1e-42, 0.1, -3.5, 3.4e38);

function stored(name: string, bytes: Uint8Array | string): string {
  writeFileSync(at(name), bytes);
  return at(name);
}

describe('encodeSafetensors', () => {
  it('writes what the reader reads, with the data aligned', async () => {
    const tensors = { a: { shape: [2, 3], data: values }, 'b.c': { shape: [1], data: Float32Array.of(7) } };
    const { tensors: read, metadata } = await openSafetensors(stored('t', encodeSafetensors(tensors, { note: 'ü' })));
    expect(metadata).toEqual({ note: 'ü' });
    expect([...read.keys()]).toEqual(['a', 'b.c']);
    expect(read.get('a')).toMatchObject({ dtype: 'F32', shape: [2, 3] });
    expect(read.get('a')!.offset % 8).toBe(0);
    expect(await readTensorFloat32(read.get('a')!)).toEqual(values);
    expect(await readTensorFloat32(read.get('b.c')!)).toEqual(Float32Array.of(7));
  });

  it('writes only the part of the buffer that an array views', async () => {
    const bytes = encodeSafetensors({ a: { shape: [2], data: values.subarray(3, 5) } });
    const { tensors } = await openSafetensors(stored('t', bytes));
    expect(await readTensorFloat32(tensors.get('a')!)).toEqual(values.slice(3, 5));
  });
});

describe('Embedding', () => {
  it('comes back from its file bit by bit, with where it came from', async () => {
    const source = { prompt: 'a "vague" prompt', model: 'UNet2DConditionModel' };
    await new Embedding(values, [1, 2, 3], source).save(at('c.safetensors'));
    expect(readdirSync(folder)).toEqual(['c.safetensors']);
    const back = await Embedding.load(at('c.safetensors'));
    expect(new Uint32Array(back.data.buffer)).toEqual(new Uint32Array(values.buffer));
    expect(back).toMatchObject({ shape: [1, 2, 3], tokens: 2, channels: 3, source });
    expect((await openSafetensors(at('c.safetensors'))).metadata).toMatchObject({ version: '1', cross_attention_dim: '3' });
  });

  it.each<[string, ConstructorParameters<typeof Embedding>, RegExp]>([
    ['too few values', [values, [1, 2, 4]], /has 6 values, expected 8/],
    ['a batch of two', [values, [2, 1, 3]], /shape \[2, 1, 3\], expected \[1, tokens, channels\]/],
    ['two axes', [values, [2, 3]], /expected \[1, tokens, channels\]/],
    ['no token', [new Float32Array(0), [1, 0, 3]], /expected \[1, tokens, channels\]/],
    ['NaN', [Float32Array.of(1, Number.NaN), [1, 1, 2]], /the value NaN at element 1, expected finite/],
    ['infinity', [Float32Array.of(1, -Infinity), [1, 1, 2]], /the value -Infinity at element 1/],
  ])('refuses %s', (_what, args, message) => {
    expect(() => new Embedding(...args)).toThrow(expect.objectContaining({ code: 'ERR_LATINO_EMBEDDING' }));
    expect(() => new Embedding(...args)).toThrow(message);
  });

  const tensor = (shape: number[], data: Float32Array) => encodeSafetensors({ prompt_embeds: { shape, data } });
  const whole = tensor([1, 2, 3], values);
  it.each<[string, Uint8Array | string, RegExp]>([
    ['that is text', 'not an embedding at all', /states a header of/],
    ['that is empty', '', /has 0 bytes/],
    ['cut short', whole.subarray(0, whole.length - 1), /is truncated/],
    ['without the tensor', encodeSafetensors({ weight: { shape: [6], data: values } }), /has no tensor prompt_embeds/],
    ['of another dtype', Buffer.from(whole.toString('latin1').replace('"F32"', '"I32"'), 'latin1'), /prompt_embeds of dtype I32/],
    ['of a batch', tensor([2, 1, 3], values), /has shape \[2, 1, 3\], expected \[1, tokens, channels\]/],
    ['with NaN', tensor([1, 1, 1], Float32Array.of(Number.NaN)), /has the value NaN at element 0/],
    [
      'of a later version',
      encodeSafetensors({ prompt_embeds: { shape: [1, 2, 3], data: values } }, { format: 'latino-native-embedding', version: '2' }),
      /of version 2, expected version 1/,
    ],
  ])('refuses a file %s and names it', async (_what, bytes, message) => {
    const loading = Embedding.load(stored('bad.safetensors', bytes));
    await expect(loading).rejects.toThrow(expect.objectContaining({ code: 'ERR_LATINO_EMBEDDING' }));
    await expect(loading).rejects.toThrow(message);
    await expect(loading).rejects.toThrow('bad.safetensors ');
  });

  it('is not written when its values were spoilt since', async () => {
    const embedding = new Embedding(values.slice(), [1, 2, 3]);
    embedding.data[2] = Number.NaN;
    await expect(embedding.save(at('c.safetensors'))).rejects.toThrow(expect.objectContaining({ code: 'ERR_LATINO_EMBEDDING' }));
    expect(readdirSync(folder)).toEqual([]);
  });

  it('says when there is no file, or no folder to write it to', async () => {
    await expect(Embedding.load(at('none'))).rejects.toThrow(expect.objectContaining({ code: 'ERR_LATINO_EMBEDDING' }));
    const saving = new Embedding(values, [1, 2, 3]).save(at('none/c.safetensors'));
    await expect(saving).rejects.toThrow(expect.objectContaining({ code: 'ERR_LATINO_OUTPUT' }));
  });

  it('is another one to a batch where its values are, or those of its pooled part', () => {
    const ids = [undefined, Float32Array.of(1), Float32Array.of(2)].map((pooled) =>
      imageId('input', { embedding: new Embedding(values, [1, 2, 3], {}, pooled) }, 'model'),
    );
    const moved = imageId(
      'input',
      {
        embedding: new Embedding(
          values.map((value) => value + 1),
          [1, 2, 3],
        ),
      },
      'model',
    );
    expect(new Set([...ids, moved]).size).toBe(4);
    expect(imageId('input', { embedding: new Embedding(values.slice(), [1, 2, 3]) }, 'model')).toBe(ids[0]);
  });
});
