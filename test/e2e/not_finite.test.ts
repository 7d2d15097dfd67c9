import { closeSync, cpSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeSafetensors } from '../../src/checkpoint/encode_safetensors.js';
import { openWeights } from '../../src/checkpoint/weights_folder.js';
import { degrade, type Image, Latino, superResolution } from '../../src/index.js';
import { portraits } from '../support/cli.js';
import { withCode } from '../support/errors.js';

const folder = mkdtempSync(join(tmpdir(), 'latino-not-finite-'));
afterAll(() => rmSync(folder, { recursive: true }));

const sr8 = { operator: superResolution({ factor: 8 }), sigma: 0.01 };
let small: Image;
beforeAll(async () => {
  small = (await degrade(join(portraits, 'samples/00.png'), sr8)).image;
});

/** The bits of a number that is none, by the type of a weight. */
const NAN = { F32: [0, 0, 0xc0, 0x7f], F16: [0, 0x7e], BF16: [0xc0, 0x7f] };

describe('a model with one weight that is not finite', () => {
  it.each([
    ['unet', 'conv_out.weight'],
    ['vae', 'decoder.layers.0.weight'],
    ['text_encoder', 'final_layer_norm.weight'],
  ])('in its %s restores nothing, and says so', async (component, name) => {
    const model = join(folder, component);
    cpSync(portraits, model, { recursive: true, filter: (path) => !/samples|training/.test(path.slice(portraits.length)) });
    const { path, offset, dtype } = (await openWeights(join(model, component))).tensors.get(name)!;
    const file = openSync(path, 'r+');
    writeSync(file, Uint8Array.from(NAN[dtype as keyof typeof NAN]), 0, undefined, offset);
    closeSync(file);

    await using latino = await Latino.load({ model });
    await expect(latino.restore(small, { ...sr8, steps: 1 })).rejects.toThrow(withCode('NUMERIC', /values are not|are not: /));
  });
});

describe('a LoRA', () => {
  it.each<[string, number[], number[]]>([
    ['no alpha', [0], []],
    ['two alphas', [2], [1, 1]],
    ['an alpha of NaN', [], [Number.NaN]],
    ['an alpha of infinity', [1], [Infinity]],
  ])('with %s of a module is refused', async (name, shape, values) => {
    const weights = (await openWeights(join(portraits, 'unet'))).tensors;
    const [weight, { shape: size }] = [...weights].find(([each]) => each.endsWith('.to_q.weight'))!;
    const module = `unet.${weight.replace(/\.weight$/, '')}`;
    const ones = (...extents: number[]) => ({ shape: extents, data: new Float32Array(extents[0]! * extents[1]!).fill(1) });
    const path = join(folder, `${name}.safetensors`);
    const factors = { [`${module}.lora_A.weight`]: ones(2, size[1]!), [`${module}.lora_B.weight`]: ones(size[0]!, 2) };
    writeFileSync(path, encodeSafetensors({ ...factors, [`${module}.alpha`]: { shape, data: Float32Array.from(values) } }, {}));
    await expect(Latino.load({ model: 'portraits', loras: [path] })).rejects.toThrow(
      withCode('MODEL', /has alpha .* expected one finite number/),
    );
  });
});
