import { mkdir, mkdtemp, realpath, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDiffusersFolder } from '../../src/checkpoint/diffusers_folder.js';
import { openSafetensors, readTensorFloat32 } from '../../src/checkpoint/safetensors.js';
import { openWeights } from '../../src/checkpoint/weights_folder.js';
import { withCode } from '../support/errors.js';

let folder: string;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'latino-safetensors-')));
});
afterEach(() => rm(folder, { recursive: true }));

function file(header: unknown, data: Uint8Array = new Uint8Array(0)): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, data]);
}

const entry = (dtype: string, shape: number[], begin: number, end: number) => ({ dtype, shape, data_offsets: [begin, end] });
const floats = new Uint8Array(Float32Array.of(1, -2, 3.5, 0.25).buffer);
const valid = file({ __metadata__: { format: 'pt' }, w: entry('F32', [2, 2], 0, 16) }, floats);

async function store(name: string, bytes: Uint8Array | string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

describe('openSafetensors', () => {
  it('tells where each weight lies, through a symbolic link', async () => {
    const path = await store('blob', valid);
    await symlink(path, join(folder, 'model.safetensors'));
    const opened = await openSafetensors(join(folder, 'model.safetensors'));
    expect(opened.path).toBe(path);
    expect(opened.metadata).toEqual({ format: 'pt' });
    expect(opened.tensors.get('w')).toMatchObject({ dtype: 'F32', shape: [2, 2], path, offset: valid.length - 16, length: 16 });
  });

  it('reads no weight of a file that has changed since', async () => {
    const path = await store('model.safetensors', valid);
    const { tensors } = await openSafetensors(path);
    const weight = tensors.get('w')!;
    expect(await readTensorFloat32(weight)).toEqual(Float32Array.of(1, -2, 3.5, 0.25));
    const { atime, mtime } = await stat(path);
    await utimes(path, atime, new Date(mtime.getTime() + 1000));
    await expect(readTensorFloat32(weight)).rejects.toThrow(withCode('MODEL', /has changed since; load the model anew/));
  });

  it('keeps tensors that are no weights apart', async () => {
    const path = await store('a', file({ ids: entry('I64', [2], 0, 16) }, floats));
    const { tensors, otherDtypes } = await openSafetensors(path);
    expect(tensors.size).toBe(0);
    expect(otherDtypes.get('ids')).toBe('I64');
  });

  const huge = Buffer.alloc(16);
  huge.writeBigUInt64LE(2n ** 63n);
  const long = Buffer.alloc(16);
  long.writeBigUInt64LE(9n);
  it.each<[string, Uint8Array, RegExp]>([
    ['an empty file', new Uint8Array(0), /has 0 bytes, expected at least the 8/],
    ['a header over the limit', huge, /header of 9223372036854775808 bytes, expected at most 100000000/],
    ['a header longer than the file', long, /header of 9 bytes, expected at most the 8 in the file/],
    ['a Git LFS pointer', Buffer.from('version https://git-lfs.github.com/spec/v1\n'), /Git LFS pointer/],
    ['a header that is not JSON', file('{"w": '), /does not parse, expected JSON/],
    ['a header that is not UTF-8', Buffer.concat([valid.subarray(0, 9), Buffer.of(255), valid.subarray(10)]), /does not parse/],
    ['a header that is a list', file([]), /no JSON object/],
    ['metadata of numbers', file({ __metadata__: { a: 1 } }), /__metadata__/],
    ['an entry without offsets', file({ w: { dtype: 'F32', shape: [1] } }), /invalid data_offsets for tensor w/],
    ['a negative offset', file({ w: entry('F32', [1], -4, 0) }, floats), /invalid data_offsets\.0 for tensor w/],
    ['a fractional size', file({ w: entry('F32', [0.5], 0, 2) }, floats), /invalid shape\.0 for tensor w/],
    ['an unknown dtype', file({ w: entry('F12', [1], 0, 4) }, floats), /unknown dtype F12, expected one of/],
    ['offsets in the wrong order', file({ w: entry('F32', [1], 8, 4) }, floats), /data_offsets \[8, 4\]/],
    ['a length that is not that of the shape', file({ w: entry('F16', [3], 0, 4) }, floats), /w of 4 bytes, expected 6 for F16 \[3\]/],
    ['a shape beyond any file', file({ w: entry('F32', [2 ** 40, 2 ** 40], 0, 16) }, floats), /w of 16 bytes, expected/],
    ['truncated data', valid.subarray(0, valid.length - 1), /is truncated: tensor w ends at byte/],
    ['overlapping tensors', file({ v: entry('F32', [2], 4, 12), w: entry('F32', [2], 0, 8) }, floats), /tensors w and v that overlap/],
  ])('refuses %s', async (_, bytes, message) => {
    const path = await store('bad.safetensors', bytes);
    const error: unknown = await openSafetensors(path).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'ERR_LATINO_MODEL', message: expect.stringMatching(message) });
    expect((error as Error).message).toContain(path);
  });

  it('refuses a missing file and a folder', async () => {
    await expect(openSafetensors(join(folder, 'none'))).rejects.toMatchObject({ code: 'ERR_LATINO_MODEL' });
    await expect(openSafetensors(folder)).rejects.toMatchObject({ code: 'ERR_LATINO_MODEL' });
  });
});

describe('readTensorFloat32', () => {
  it.each<[string, Uint8Array, number[]]>([
    ['F32', floats, [1, -2, 3.5, 0.25]],
    [
      'F16',
      new Uint8Array(Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00).buffer),
      [1, -2, 2 ** -24, 65504, Number.POSITIVE_INFINITY],
    ],
    ['BF16', new Uint8Array(Uint16Array.of(0x3f80, 0xc000, 0x7f80).buffer), [1, -2, Number.POSITIVE_INFINITY]],
  ])('widens %s', async (dtype, data, values) => {
    const path = await store('w.safetensors', file({ w: entry(dtype, [values.length], 0, data.length) }, data));
    const { tensors } = await openSafetensors(path);
    expect([...(await readTensorFloat32(tensors.get('w')!))]).toEqual(values);
  });
});

describe('openWeights', () => {
  const f16 = file({ w: entry('F16', [2], 0, 4) }, floats.subarray(0, 4));

  it('prefers the plain file, and takes fp16 where asked or where there is no other', async () => {
    await store('model.fp16.safetensors', f16);
    expect((await openWeights(folder)).get('w', [2]).dtype).toBe('F16');
    await store('model.safetensors', valid);
    expect((await openWeights(folder)).get('w', [2, 2]).dtype).toBe('F32');
    expect((await openWeights(folder, { variant: 'fp16' })).get('w', [2]).dtype).toBe('F16');
  });

  it('names both shapes of a weight of another shape', async () => {
    await store('model.safetensors', valid);
    const weights = await openWeights(folder);
    expect(weights.has('v')).toBe(false);
    expect(() => weights.get('v', [2])).toThrow(/has no weight v/);
    expect(() => weights.get('w', [2, 2, 1, 1])).toThrow(/shape \[2, 2\], expected \[2, 2, 1, 1\]/);
    expect(() => weights.get('w', [4, 1])).toThrow(/shape \[2, 2\], expected \[4, 1\]/);
  });

  it('never reads a pickle', async () => {
    await store('pytorch_model.bin', 'x');
    await expect(openWeights(folder)).rejects.toMatchObject({
      code: 'ERR_LATINO_MODEL',
      message: expect.stringMatching(/pickle.*never executed.*safetensors/),
    });
  });

  it('refuses a folder without weights, and a missing one', async () => {
    await expect(openWeights(folder)).rejects.toMatchObject({
      code: 'ERR_LATINO_MODEL',
      message: expect.stringContaining('has no weights'),
    });
    await expect(openWeights(join(folder, 'none'))).rejects.toMatchObject({ code: 'ERR_LATINO_MODEL' });
  });

  it('joins shards', async () => {
    await store('a.safetensors', valid);
    await store('b.safetensors', file({ v: entry('F32', [4], 0, 16) }, floats));
    await store('model.safetensors.index.json', JSON.stringify({ weight_map: { w: 'a.safetensors', v: 'b.safetensors' } }));
    const weights = await openWeights(folder);
    expect(weights.get('w', [2, 2]).path).toBe(join(folder, 'a.safetensors'));
    expect(weights.get('v', [4]).path).toBe(join(folder, 'b.safetensors'));
  });

  it.each([
    ['a missing shard', { w: 'missing.safetensors' }, /missing\.safetensors/],
    ['a shard above the folder', { w: '../a.safetensors' }, /names the shard "\.\.\/a\.safetensors"/],
    ['a shard elsewhere', { w: '/a.safetensors' }, /names the shard/],
    ['a shard elsewhere on Windows', { w: '..\\a.safetensors' }, /names the shard/],
    ['a pickled shard', { w: 'a.bin' }, /names the shard/],
    ['a tensor that its shard lacks', { v: 'a.safetensors' }, /has no tensor v/],
    ['a map of numbers', { w: 1 }, /weight_map/],
  ])('refuses an index with %s', async (_, weight_map, message) => {
    await store('a.safetensors', valid);
    await store('model.safetensors.index.json', JSON.stringify({ weight_map }));
    await expect(openWeights(folder)).rejects.toMatchObject({ code: 'ERR_LATINO_MODEL', message: expect.stringMatching(message) });
  });
});

describe('openDiffusersFolder', () => {
  const index = {
    _class_name: 'P',
    unet: ['diffusers', 'UNet2DConditionModel'],
    safety_checker: [null, null],
    '../vae': ['diffusers', 'X'],
    flag: true,
  };

  it('describes a folder of symbolic links', async () => {
    const [blob, config, indexPath] = await Promise.all([store('b', valid), store('c', '{}'), store('i', JSON.stringify(index))]);
    const model = join(folder, 'snapshot');
    await mkdir(join(model, 'unet'), { recursive: true });
    await symlink(indexPath, join(model, 'model_index.json'));
    await symlink(config, join(model, 'unet', 'config.json'));
    await symlink(blob, join(model, 'unet', 'diffusion_pytorch_model.safetensors'));
    const opened = await openDiffusersFolder(model);
    expect(await opened.describe()).toEqual({
      path: model,
      layout: 'diffusers',
      className: 'P',
      components: [{ name: 'unet', className: 'UNet2DConditionModel', used: true, parameters: 4, dtypes: ['F32'], bytes: valid.length }],
    });
    expect(await opened.readConfig('unet')).toEqual({});
    expect((await opened.weights('unet')).get('w', [2, 2]).path).toBe(blob);
    expect(opened.className('safety_checker')).toBeUndefined();
    expect(() => opened.component('../vae')).toThrow(/has no \.\.\/vae/);
  });

  it('describes a model whose unused components have only pickles, and no other', async () => {
    const { safety_checker: _, ...used } = index;
    await store('model_index.json', JSON.stringify({ ...used, safety_checker: ['stable_diffusion', 'StableDiffusionSafetyChecker'] }));
    for (const component of ['unet', 'safety_checker']) {
      await mkdir(join(folder, component));
      await store(`${component}/config.json`, '{}');
    }
    await store('safety_checker/pytorch_model.bin', 'pickle');
    await store('unet/model.safetensors', valid);
    const opened = await openDiffusersFolder(folder);
    expect((await opened.describe()).components).toMatchObject([
      { name: 'unet', used: true, parameters: 4 },
      { name: 'safety_checker', used: false, parameters: 0, dtypes: [], bytes: 8 },
    ]);
    await rm(join(folder, 'unet/model.safetensors'));
    await store('unet/model.bin', 'pickle');
    await expect(opened.describe()).rejects.toMatchObject({ code: 'ERR_LATINO_MODEL', message: expect.stringContaining('pickle') });
  });

  it('refuses a folder that is no model', async () => {
    await expect(openDiffusersFolder(folder)).rejects.toMatchObject({
      code: 'ERR_LATINO_MODEL',
      message: expect.stringContaining('no model_index.json'),
    });
    await expect(openDiffusersFolder(join(folder, 'none'))).rejects.toMatchObject({ message: expect.stringContaining('does not exist') });
    for (const text of ['{', '[]', '{}', '{"_class_name": "P"}']) {
      await store('model_index.json', text);
      await expect(openDiffusersFolder(folder)).rejects.toMatchObject({ code: 'ERR_LATINO_MODEL' });
    }
  });
});
