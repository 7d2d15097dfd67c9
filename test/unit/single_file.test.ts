import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../src/checkpoint/open_checkpoint.js';
import { loadSchedule } from '../../src/checkpoint/schedule.js';
import { inspectModel, Latino } from '../../src/index.js';
import { UNet2DConditionConfig } from '../../src/networks/unet2d_condition.js';
import { withCode } from '../support/errors.js';
import { type RawTensors, writeRaw, writeSparse, zeros } from '../support/raw_safetensors.js';
import { type Parts, partsOf, singleFileTensors } from '../support/single_file.js';
import { type Configs, sd1, sdxl, weightShapes } from '../support/small_checkpoint.js';

const work = mkdtempSync(join(tmpdir(), 'latino-single-file-'));
afterAll(() => rmSync(work, { recursive: true }));

/** Its tensors without their data. */
const partsWithoutData = (configs: Configs, dtype: string): Parts =>
  partsOf(configs, (component) => {
    const shapes = weightShapes(component, configs[component as keyof Configs]!);
    return new Map([...shapes].map(([name, shape]) => [name, { dtype, shape, bytes: Buffer.alloc(0) }]));
  });

const startingWith = (tensors: RawTensors, prefix: string): number => [...tensors.keys()].filter((name) => name.startsWith(prefix)).length;

describe('a published checkpoint, of its full size but for the numbers', () => {
  // How many tensors, and how many bytes, sd_xl_base_1.0.safetensors and v1-5-pruned-emaonly.safetensors have, as published.
  it('of Stable Diffusion XL has the configurations of its folder', async () => {
    const tensors = singleFileTensors(partsWithoutData(sdxl(false), 'F16'));
    const path = join(work, 'sd_xl_base_1.0.safetensors');
    expect(writeSparse(path, tensors)).toBe(6_937_675_890);
    expect(['conditioner.', 'first_stage_model.', 'model.'].map((prefix) => startingWith(tensors, prefix))).toEqual([587, 248, 1680]);
    expect([0, 1, 2, 3, 4].map((rank) => [...tensors.values()].filter(({ shape }) => shape.length === rank).length)).toEqual([
      1, 1442, 949, 0, 123,
    ]);
    expect(await inspectModel(path)).toMatchObject({ use: { family: 'Stable Diffusion XL', nativeSize: 1024, tokens: 77 } });
    const checkpoint = await openCheckpoint(path);
    expect(UNet2DConditionConfig.parse(await checkpoint.readConfig('unet'))).toEqual(UNet2DConditionConfig.parse(sdxl(false).unet));
    expect(await checkpoint.readConfig('vae')).toMatchObject(sdxl(false).vae);
    expect(await checkpoint.readConfig('text_encoder')).toMatchObject({ ...sdxl(false).text_encoder, hidden_act: 'quick_gelu' });
    expect(await checkpoint.readConfig('text_encoder_2')).toMatchObject(sdxl(false).text_encoder_2!);
  });

  it('of Stable Diffusion 1.5 has the configurations of its folder', async () => {
    const tensors = singleFileTensors(partsWithoutData(sd1(false), 'F32'));
    const path = join(work, 'v1-5-pruned-emaonly.safetensors');
    writeSparse(path, tensors);
    const counts = ['model.diffusion_model.', 'first_stage_model.', 'cond_stage_model.'].map((prefix) => startingWith(tensors, prefix));
    expect(counts).toEqual([686, 248, 197]);
    expect(await inspectModel(path)).toMatchObject({ use: { family: 'Stable Diffusion 1.x', nativeSize: 512, tokens: 77 } });
    const checkpoint = await openCheckpoint(path);
    const perLevel = { attention_head_dim: [8, 8, 8, 8], transformer_layers_per_block: [1, 1, 1, 1] };
    const unet = UNet2DConditionConfig.parse({ ...sd1(false).unet, ...perLevel });
    expect(UNet2DConditionConfig.parse(await checkpoint.readConfig('unet'))).toEqual(unet);
    expect(await checkpoint.readConfig('vae')).toMatchObject(sd1(false).vae);
    expect(await checkpoint.readConfig('text_encoder')).toMatchObject({ ...sd1(false).text_encoder, hidden_act: 'quick_gelu' });
  });
});

describe('what a single file says that it predicts', () => {
  const write = (name: string, extra: readonly string[], metadata = {}): string => {
    const tensors = singleFileTensors(partsWithoutData(sd1(true), 'F16'));
    for (const each of extra) tensors.set(each, zeros('F32', [0]));
    const path = join(work, `${name}.safetensors`);
    writeRaw(path, new Map([...tensors].map(([key, { dtype, shape }]) => [key, zeros(dtype, shape)])), metadata);
    return path;
  };
  const scheduleOf = async (path: string) => loadSchedule((await openCheckpoint(path)).component('scheduler'));

  it.each([
    ['nothing', [], {}, 'epsilon'],
    ['a mark of v', ['v_pred'], {}, 'v_prediction'],
    ['metadata', [], { 'modelspec.prediction_type': 'v' }, 'v_prediction'],
  ] as const)('%s', async (name, extra, metadata, prediction) => {
    expect(await scheduleOf(write(name, extra, metadata))).toMatchObject({ prediction });
  });

  it('refuses a schedule that ends in noise alone, as the folder is', async () => {
    await expect(scheduleOf(write('zero', ['v_pred', 'ztsnr']))).rejects.toThrow(
      withCode('MODEL', /rescale_betas_zero_snr true is not supported/),
    );
  });
});

describe('a file that is no whole checkpoint of a supported family', () => {
  const whole = (configs: Configs = sd1(true)): RawTensors => singleFileTensors(partsWithoutData(configs, 'F16'));
  const without = (pattern: RegExp): RawTensors => new Map([...whole()].filter(([name]) => !pattern.test(name)));
  const only = (...names: readonly string[]): RawTensors => new Map(names.map((name) => [name, zeros('F16', [2, 2])]));
  const withShape = (name: string, shape: readonly number[]): RawTensors => whole().set(name, zeros('F16', shape));
  const UNET = 'model.diffusion_model.';

  it.each<[string, () => RawTensors, RegExp]>([
    ['a LoRA of kohya', () => only('lora_unet_down_blocks_0_attentions_0_proj_in.lora_up.weight'), /found a LoRA, which --lora adds/],
    ['a LoRA of PEFT', () => only('unet.down_blocks.0.attentions.0.to_q.lora_A.weight'), /found a LoRA/],
    ['Stable Diffusion 3', () => only(`${UNET}joint_blocks.0.x_block.attn.qkv.weight`), /found one of Stable Diffusion 3$/],
    ['Flux', () => only('double_blocks.0.img_attn.qkv.weight'), /found one of Flux$/],
    [
      'Stable Diffusion 2.x',
      () => only('cond_stage_model.model.ln_final.weight', `${UNET}out.0.weight`),
      /found one of Stable Diffusion 2\.x/,
    ],
    [
      'a refiner',
      () => only('conditioner.embedders.0.model.ln_final.weight', `${UNET}out.0.weight`),
      /found the refiner of Stable Diffusion XL$/,
    ],
    ['another model', () => only('vision_tower.blocks.0.weight'), /found tensors such as vision_tower\.blocks\.0\.weight$/],
    ['nothing', () => only(), /found no tensors$/],
    ['a UNet alone', () => new Map([...partsWithoutData(sd1(true), 'F16').unet]), /found one without a vae, with a unet alone$/],
    ['no autoencoder', () => without(/^first_stage_model/), /found one without a vae, with a unet and a text_encoder alone$/],
    ['no text encoder', () => without(/^cond_stage_model/), /found one without a text_encoder/],
    ['inpainting', () => withShape(`${UNET}input_blocks.0.0.weight`, [32, 9, 3, 3]), /found one whose unet has 9 input channels/],
    [
      'eight bits',
      () => whole().set(`${UNET}input_blocks.1.0.in_layers.2.weight`, zeros('F8_E4M3', [2, 2])),
      /in_layers\.2\.weight as F8_E4M3/,
    ],
    ['no first block', () => without(/input_blocks\.1\.0/), /found one whose unet has no down_blocks\.0\.resnets\.0\.conv1\.weight$/],
    [
      'another vocabulary',
      () => withShape('cond_stage_model.transformer.text_model.embeddings.token_embedding.weight', [984, 64]),
      /of CLIP's 49408 tokens in .* but found 984$/,
    ],
  ])('%s', async (name, tensors, says) => {
    const path = join(work, `not ${name}.safetensors`);
    // A header is enough: it is refused by that.
    writeSparse(path, tensors());
    await expect(Latino.load({ model: path })).rejects.toThrow(withCode('MODEL', says));
  });

  it.each([
    ['one block', /input_blocks\.4\.0/],
    ['the end of a level', /input_blocks\.3\.0/],
    ['one weight', /output_blocks\.7\.1\.transformer_blocks\.0\.norm1\.weight/],
    ['a norm before attention', /output_blocks\.5\.1\.norm\./],
    ['a layer of the text encoder', /text_model\.encoder\.layers\.0\.mlp\.fc1\.weight/],
    ['a level of the decoder', /decoder\.up\.2\./],
    ['what ends the encoder', /\.quant_conv\./],
    ['an attention of the autoencoder', /encoder\.mid\.attn_1\.q\./],
  ])('is missing %s', async (name, pattern) => {
    const path = join(work, `without ${name}.safetensors`);
    writeSparse(path, without(pattern));
    const { problem } = await inspectModel(path);
    expect(problem).toMatch(/^[^\n]+(has no weight|of shape|expected one)[^\n]+$/);
  });

  it.each([
    `${UNET}input_blocks.1.1.transformer_blocks.4294967295.norm1.weight`,
    'first_stage_model.encoder.down.4294967295.block.0.conv1.weight',
    'cond_stage_model.transformer.text_model.encoder.layers.99999999999.layer_norm1.weight',
  ])('has %s, for whose number nothing is allocated', async (name) => {
    const path = join(work, 'numbers.safetensors');
    writeSparse(path, whole().set(name, zeros('F16', [2])));
    expect((await inspectModel(path)).problem).toMatch(/has no weight|is not supported/);
  });

  it('a pickle, or a text', async () => {
    const [pickle, text] = [join(work, 'model.ckpt'), join(work, 'model.safetensors')];
    writeFileSync(pickle, 'PK');
    writeFileSync(text, 'no safetensors at all');
    await expect(Latino.load({ model: pickle })).rejects.toThrow(withCode('MODEL', /is a pickle, which is never executed/));
    await expect(Latino.load({ model: text })).rejects.toThrow(withCode('MODEL', /states a header of/));
  });
});
