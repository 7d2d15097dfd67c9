import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { UNet2DConditionConfig, unetGraph, unetVjpGraph } from '../../src/networks/unet2d_condition.js';
import { encodeSafetensors } from '../../src/pipeline/encode_safetensors.js';
import { readModelJson } from '../../src/pipeline/json_file.js';
import { Lora, withLoras } from '../../src/pipeline/lora.js';
import { openWeights } from '../../src/pipeline/weights_folder.js';
import { withCode } from '../support/errors.js';
import { goldenPath, goldenSet, modelTolerance } from '../support/golden.js';
import { relativeError } from '../support/networks.js';
import { readTensors, type Stored } from '../support/safetensors.js';
import { openNetwork } from '../support/session.js';

const SETS = { 'lcm-lora': 'tiny-sd15/unet', 'sdxl-lora-peft': 'tiny-sdxl/unet' } as const;

for (const [name, base] of Object.entries(SETS)) {
  const [path, reference] = [`models/${name}.safetensors`, `models/${name}.io.safetensors`];
  goldenSet(`${name} on ${base} against diffusers (golden/models)`, [path, reference, `models/${base}`], () => {
    it('gives the outputs of the fused network', async () => {
      const folder = goldenPath(`models/${base}`);
      const [config, weights, tensors] = await Promise.all([
        readModelJson(join(folder, 'config.json')).then((json) => UNet2DConditionConfig.parse(json)),
        openWeights(folder),
        readTensors(goldenPath(reference)),
      ]);
      const labels = new Set([...tensors.keys()].flatMap((tensor) => (tensor.startsWith('unet/') ? [tensor.split('/')[1]!] : [])));
      expect(labels.size).toBeGreaterThan(1);
      for (const label of labels) {
        const strength = Number(/_scale([\d.]+)$/.exec(label)?.[1] ?? 1);
        const store = await withLoras('unet', weights, [await Lora.open({ path: goldenPath(path), strength })]);
        const run = await openNetwork(unetGraph(config, store));
        const stored = (tensor: string): Stored => tensors.get(`unet/${label}/${tensor}`)!;
        const inputs = ['sample', 'timestep', 'encoder_hidden_states', 'text_embeds', 'time_ids'].map(
          (tensor): [string, Stored] => [tensor, stored(tensor)],
        );
        const { eps } = await run(Object.fromEntries(inputs), { eps: stored('eps') });
        expect(relativeError(eps!, stored('eps')), label).toBeLessThan(modelTolerance('unet', 'eps'));
        run.dispose();
        const reverse = await openNetwork(unetVjpGraph(config, store, { wrt: ['encoder_hidden_states'] }));
        const wanted = { vjp_encoder_hidden_states: stored('vjp_encoder_hidden_states') };
        const { vjp_encoder_hidden_states: gradient } = await reverse(Object.fromEntries([...inputs, ['g', stored('g')]]), wanted);
        expect(relativeError(gradient!, wanted.vjp_encoder_hidden_states), label).toBeLessThan(modelTolerance('unet', 'vjp_'));
        reverse.dispose();
      }
    });
  });
}

describe('Lora', () => {
  const folder = mkdtempSync(join(tmpdir(), 'latino-lora-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const ones = (...shape: number[]) => ({ shape, data: new Float32Array(shape.reduce((product, n) => product * n, 1)).fill(1) });
  const save = (name: string, tensors: Parameters<typeof encodeSafetensors>[0]): string => {
    const path = join(folder, name);
    writeFileSync(path, encodeSafetensors(tensors, {}));
    return path;
  };
  const key = 'lora_unet_down_blocks_0_attentions_0_proj_in';

  goldenSet('of a file', ['models/tiny-sd15/unet'], () => {
    const updates = async (path: string, strength?: number) =>
      (await Lora.open({ path, strength })).updatesOf('unet', await openWeights(goldenPath('models/tiny-sd15/unet')));

    it('scales by strength and alpha over rank', async () => {
      const factors = { [`${key}.lora_down.weight`]: ones(2, 16, 1, 1), [`${key}.lora_up.weight`]: ones(16, 2, 1, 1) };
      const weight = 'down_blocks.0.attentions.0.proj_in.weight';
      expect((await updates(save('plain.safetensors', factors))).get(weight)!.factor).toBe(1);
      expect((await updates(save('alpha.safetensors', { ...factors, [`${key}.alpha`]: ones() }), 3)).get(weight)!.factor).toBe(1.5);
    });

    it.each([
      ['one factor', { [`${key}.lora_down.weight`]: ones(2, 16, 1, 1) }, /has one factor of down_blocks_0_attentions_0_proj_in/],
      ['another shape', { [`${key}.lora_down.weight`]: ones(2, 8, 1, 1), [`${key}.lora_up.weight`]: ones(16, 2, 1, 1) }, /expected those of/],
      ['a weight that is not there', { 'unet.none.lora_A.weight': ones(2, 4), 'unet.none.lora_B.weight': ones(4, 2) }, /changes none, which/],
      ['no factors', { [`${key}.hada_w1_a`]: ones(2, 2) }, /expected the weights of a LoRA/],
      ['weights of a network', { 'conv_in.weight': ones(4, 4, 3, 3) }, /expected the weights of a LoRA/],
    ])('refuses %s', async (name, tensors, message) => {
      await expect(updates(save(`${name}.safetensors`, tensors))).rejects.toThrow(withCode('MODEL', message));
    });

    it('refuses a strength that is no number, and a missing file', async () => {
      const path = save('strength.safetensors', { [`${key}.lora_down.weight`]: ones(2, 16, 1, 1) });
      await expect(Lora.open({ path, strength: Number.NaN })).rejects.toThrow(withCode('ARGUMENT', /strength/));
      await expect(Lora.openAll([{ path: 5 as never }])).rejects.toThrow(withCode('ARGUMENT', /as a string/));
      await expect(Lora.openAll(path as never)).rejects.toThrow(withCode('ARGUMENT', /array/));
      await expect(Lora.open({ path: join(folder, 'none') })).rejects.toThrow(withCode('MODEL', /none/));
    });
  });
});
