import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { encodeSafetensors } from '../../src/checkpoint/encode_safetensors.js';
import { openSafetensors } from '../../src/checkpoint/safetensors.js';
import { digestWeights } from '../../src/checkpoint/weights_digest.js';
import { openWeights } from '../../src/checkpoint/weights_folder.js';
import { goldenPath } from '../support/golden.js';

const folder = mkdtempSync(join(tmpdir(), 'latino-digest-'));
afterAll(() => rmSync(folder, { recursive: true }));

const weights = (
  change: (value: number, index: number) => number = (value) => value,
): Record<string, { shape: number[]; data: Float32Array }> => ({
  'text_model.a': { shape: [20, 30], data: Float32Array.from({ length: 600 }, (_, i) => change(Math.sin(i), i)) },
  'text_model.b': { shape: [3], data: Float32Array.of(1, 2, 3) },
});

async function digest(name: string, tensors: Parameters<typeof encodeSafetensors>[0]): Promise<string> {
  const path = join(folder, name);
  writeFileSync(path, encodeSafetensors(tensors));
  return digestWeights((await openSafetensors(path)).tensors);
}

describe('the digest of weights', () => {
  it('is the same for the same weights, and another when they, a name or a shape changes', async () => {
    const own = await digest('own', weights());
    expect(own).toMatch(/^[0-9a-f]{32}$/);
    expect(await digest('copy', weights())).toBe(own);
    const { 'text_model.a': a, 'text_model.b': b } = weights();
    const others = {
      tuned: weights((value) => value * 1.01),
      named: { 'text_model.c': a!, 'text_model.b': b! },
      turned: { 'text_model.a': { ...a!, shape: [30, 20] }, 'text_model.b': b! },
    };
    for (const [name, tensors] of Object.entries(others)) expect(await digest(name, tensors), name).not.toBe(own);
  });

  it('is the same in float32 and in float16', async () => {
    const unet = goldenPath('models/tiny-sd15/unet');
    const [whole, half] = await Promise.all([openWeights(unet), openWeights(unet, { variant: 'fp16' })]);
    expect(half.files[0]!.path).not.toBe(whole.files[0]!.path);
    expect(await digestWeights(half.tensors)).toBe(await digestWeights(whole.tensors));
  });
});
