import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeSafetensors } from '../../src/checkpoint/encode_safetensors.js';
import { readModelJson } from '../../src/checkpoint/json_file.js';
import { Lora, withLoras } from '../../src/checkpoint/lora.js';
import { openWeights } from '../../src/checkpoint/weights_folder.js';
import type { WeightStore } from '../../src/graph/weights.js';
import { CLIPTextConfig, clipTextGraph } from '../../src/networks/clip_text.js';
import { UNet2DConditionConfig, unetGraph, unetVjpGraph } from '../../src/networks/unet2d_condition.js';
import { relativeError } from '../support/compare.js';
import { withCode } from '../support/errors.js';
import { goldenPath, goldenSet, modelTolerance } from '../support/golden.js';
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
        const stored = (tensor: string): Stored => tensors.get(`unet/${label}/${tensor}`)!;
        const graph = unetGraph(config, store);
        const inputs = graph.inputs.map(({ name: input }): [string, Stored] => [input, stored(input)]);
        const run = await openNetwork(graph);
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

  goldenSet('of a file', ['models/tiny-sd15/unet'], () => {
    const base = goldenPath('models/tiny-sd15/unet');
    const RANK = 2;
    /** A projection of the set's own, and the shape of its weight. */
    let module: string;
    let shape: readonly number[];
    beforeAll(async () => {
      const [name, weight] = [...(await openWeights(base)).tensors].find(([each]) => each.endsWith('.attentions.0.proj_in.weight'))!;
      [module, shape] = [name.replace(/\.weight$/, ''), weight.shape];
    });
    const down = () => ones(RANK, ...shape.slice(1));
    const up = () => ones(shape[0]!, RANK, ...shape.slice(2).map(() => 1));
    const key = (): string => `lora_unet_${module.replaceAll('.', '_')}`;
    const updates = async (path: string, strength?: number) =>
      (await Lora.open({ path, strength })).updatesOf('unet', await openWeights(base));

    it('scales by strength and alpha over rank', async () => {
      const factors = { [`${key()}.lora_down.weight`]: down(), [`${key()}.lora_up.weight`]: up() };
      const weight = `${module}.weight`;
      expect((await updates(save('plain.safetensors', factors))).get(weight)!.factor).toBe(1);
      expect((await updates(save('alpha.safetensors', { ...factors, [`${key()}.alpha`]: ones() }), 3)).get(weight)!.factor).toBe(3 / RANK);
    });

    it('reads the spellings of kohya, PEFT and older diffusers alike', async () => {
      const spelled = (downName: string, upName: string) => ({ [downName]: down(), [upName]: up() });
      const files = {
        kohya: spelled(`${key()}.lora_down.weight`, `${key()}.lora_up.weight`),
        peft: spelled(`unet.${module}.lora_A.weight`, `unet.${module}.lora_B.weight`),
        diffusers: spelled(`unet.${module}.lora.down.weight`, `unet.${module}.lora.up.weight`),
      };
      for (const [name, tensors] of Object.entries(files)) {
        const found = await updates(save(`spelling-${name}.safetensors`, tensors));
        expect([...found.keys()], name).toEqual([`${module}.weight`]);
        const { up: first, down: second, factor } = found.get(`${module}.weight`)!;
        expect([first.shape, second.shape, factor], name).toEqual([up().shape, down().shape, 1]);
      }
    });

    it.each<[string, () => Parameters<typeof save>[1], () => RegExp]>([
      [
        'one factor',
        () => ({ [`${key()}.lora_down.weight`]: down() }),
        () => new RegExp(`has one factor of ${module.replaceAll('.', '_')}`),
      ],
      [
        'another shape',
        () => ({ [`${key()}.lora_down.weight`]: ones(RANK, shape[1]! - 1, ...shape.slice(2)), [`${key()}.lora_up.weight`]: up() }),
        () => /expected those of/,
      ],
      [
        'a weight that is not there',
        () => ({ 'unet.none.lora_A.weight': ones(2, 4), 'unet.none.lora_B.weight': ones(4, 2) }),
        () => /changes none, which/,
      ],
      ['no factors', () => ({ [`${key()}.hada_w1_a`]: ones(2, 2) }), () => /expected the weights of a LoRA/],
      ['weights of a network', () => ({ 'conv_in.weight': ones(4, 4, 3, 3) }), () => /expected the weights of a LoRA/],
    ])('refuses %s', async (name, tensors, message) => {
      await expect(updates(save(`${name}.safetensors`, tensors()))).rejects.toThrow(withCode('MODEL', message()));
    });

    goldenSet('for the text encoder', ['models/tiny-sd15/text_encoder', 'models/tiny-sd15/io.safetensors'], () => {
      it('gives the output of the weights with up times down added', async () => {
        const name = 'text_model.encoder.layers.0.self_attn.q_proj';
        const config = CLIPTextConfig.parse(await readModelJson(join(goldenPath('models/tiny-sd15/text_encoder'), 'config.json')));
        const { hidden_size: width } = config;
        const wave = (...shape: number[]) => ({ ...ones(...shape), data: ones(...shape).data.map((_, i) => Math.sin(i + 1)) });
        const [down, up] = [wave(RANK, width), wave(width, RANK)];
        const prefix = `lora_te_${name.replaceAll('.', '_')}`;
        const path = save('text.safetensors', { [`${prefix}.lora_down.weight`]: down, [`${prefix}.lora_up.weight`]: up });

        const base = goldenPath('models/tiny-sd15/text_encoder');
        const stored = await readTensors(join(base, 'model.safetensors'));
        const fused = Object.fromEntries([...stored].filter(([, { data }]) => data instanceof Float32Array)) as Record<string, typeof up>;
        const weight = fused[`${name}.weight`]!;
        weight.data.forEach((_, i) => {
          const [row, column] = [Math.floor(i / width), i % width];
          for (let r = 0; r < RANK; r++) weight.data[i]! += 0.5 * up.data[RANK * row + r]! * down.data[width * r + column]!;
        });
        const fusedFolder = join(folder, 'fused');
        mkdirSync(fusedFolder);
        writeFileSync(join(fusedFolder, 'model.safetensors'), encodeSafetensors(fused, {}));

        const tensors = await readTensors(goldenPath('models/tiny-sd15/io.safetensors'));
        const inputs = { input_ids: tensors.get('text_encoder/input_ids')! };
        const wanted = { last_hidden_state: tensors.get('text_encoder/last_hidden_state')! };
        const output = async (weights: WeightStore): Promise<Stored> => {
          const run = await openNetwork(clipTextGraph(config, weights));
          const { last_hidden_state } = await run(inputs, wanted);
          run.dispose();
          return last_hidden_state!;
        };
        const changed = await output(await withLoras('text_encoder', await openWeights(base), [await Lora.open({ path, strength: 0.5 })]));
        expect(relativeError(changed, await output(await openWeights(fusedFolder)))).toBeLessThan(1e-5);
        expect(relativeError(changed, wanted.last_hidden_state)).toBeGreaterThan(1e-3);
      });
    });

    it('refuses a strength that is no number, and a missing file', async () => {
      const path = save('strength.safetensors', { [`${key()}.lora_down.weight`]: down() });
      await expect(Lora.open({ path, strength: Number.NaN })).rejects.toThrow(withCode('ARGUMENT', /strength/));
      await expect(Lora.openAll([{ path: 5 as never }])).rejects.toThrow(withCode('ARGUMENT', /as a string/));
      await expect(Lora.openAll(path as never)).rejects.toThrow(withCode('ARGUMENT', /array/));
      await expect(Lora.open({ path: join(folder, 'none') })).rejects.toThrow(withCode('MODEL', /none/));
    });
  });
});
