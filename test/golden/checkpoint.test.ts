import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { encodeSafetensors } from '../../src/checkpoint/encode_safetensors.js';
import type { Device, Tensor } from '../../src/device/addon.js';
import { loadAddon } from '../../src/device/load.js';
import { inspectModel, Latino, type LoadOptions, superResolution } from '../../src/index.js';
import { modelDigest } from '../../src/model_digest.js';
import { guidanceEmbedding } from '../../src/networks/unet2d_condition.js';
import { buildOperator } from '../../src/operators/operator.js';
import { Conditioning } from '../../src/prior/conditioning.js';
import { loadModel } from '../../src/prior/load_model.js';
import type { Prior } from '../../src/prior/prior.js';
import { WindowedPrior } from '../../src/prior/windowed_prior.js';
import { latino } from '../../src/solver/latino.js';
import { seededNoise } from '../../src/solver/noise.js';
import { gammaRule } from '../../src/solver/step_rules.js';
import { run } from '../support/cli.js';
import { relativeError } from '../support/compare.js';
import { DEVICE } from '../support/device.js';
import { withCode } from '../support/errors.js';
import { goldenPath, goldenSet, MODEL_INDEX } from '../support/golden.js';
import { readTensors, type Stored } from '../support/safetensors.js';

const folder = mkdtempSync(join(tmpdir(), 'latino-checkpoint-'));
afterAll(() => rmSync(folder, { recursive: true }));

const CLASSES = {
  unet: ['diffusers', 'UNet2DConditionModel'],
  vae: ['diffusers', 'AutoencoderTiny'],
  text_encoder: ['transformers', 'CLIPTextModel'],
  tokenizer: ['transformers', 'CLIPTokenizer'],
  scheduler: ['diffusers', 'LCMScheduler'],
};
type Parts = Record<keyof typeof CLASSES, string>;
const LCM: Parts = {
  unet: 'models/tiny-lcm-unet/unet',
  vae: 'models/tiny-taesd',
  text_encoder: 'models/tiny-sd15/text_encoder',
  tokenizer: 'models/tiny-sd15/tokenizer',
  scheduler: 'models/tiny-sd15/scheduler',
};

/** The JSON file of a part, as it is in the set. */
const json = <T>(part: keyof Parts, file: string): T => JSON.parse(readFileSync(join(goldenPath(LCM[part]), file), 'utf8')) as T;

/** A pipeline's folder from parts of the golden checkpoints. */
function checkpoint(name: string, change: Partial<Parts> = {}, vaeClass = 'AutoencoderTiny'): string {
  const root = join(folder, name);
  mkdirSync(root);
  const index = { _class_name: 'LatentConsistencyModelPipeline', ...CLASSES, vae: ['diffusers', vaeClass] };
  writeFileSync(join(root, 'model_index.json'), JSON.stringify(index));
  for (const [part, path] of Object.entries({ ...LCM, ...change })) symlinkSync(goldenPath(path), join(root, part));
  return root;
}

/** The same with a JSON file of one part changed. */
function changed(name: string, part: keyof Parts, file: string, change: object): string {
  const root = checkpoint(name);
  rmSync(join(root, part));
  cpSync(goldenPath(LCM[part]), join(root, part), { recursive: true, dereference: true });
  const path = join(root, part, file);
  writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, 'utf8')) as object), ...change }));
  return root;
}

const pixels = Float32Array.from({ length: 3 * 8 * 8 }, (_, i) => (i % 7) / 7);
const measurement = { data: pixels, width: 8, height: 8, channels: 3 } as const;
const options = { operator: superResolution({ factor: 8 }), sigma: 0.05, steps: 2, prompt: 'a photo of a red cat on a table' };

goldenSet(
  'a checkpoint with a guidance embedding',
  [MODEL_INDEX, ...Object.values(LCM), 'models/tiny-sd15/vae', 'models/tiny-sdxl/unet'],
  () => {
    let tensors: ReadonlyMap<string, Stored>;
    const tensor = (name: string): Stored => tensors.get(`unet/s0_t999/${name}`)!;

    beforeAll(async () => {
      tensors = await readTensors(goldenPath('models/tiny-lcm-unet/io.safetensors'));
    });

    it('embeds a guidance scale as diffusers does', () => {
      const [embedding, scale] = [tensor('timestep_cond'), Number(tensor('w').data[0]) + 1];
      // The sines of 1000 w in float32 differ by 4e-4 with the rounding of one exponential (models/README.md).
      const error = relativeError({ data: guidanceEmbedding(scale, embedding.shape[1]!), shape: embedding.shape }, embedding);
      expect(error).toBeLessThan(1e-3);
    });

    it('predicts the noise that diffusers predicts with that guidance', async () => {
      const addon = loadAddon(DEVICE);
      const device: Device = addon.openDevice(DEVICE);
      const guidance = Number(tensor('w').data[0]) + 1;
      const model = await loadModel(addon, device, checkpoint('eps'), { guidance });
      const upload = (name: string) => device.upload(tensor(name).data as Float32Array, tensor(name).shape);
      using z = upload('sample');
      using c = new Conditioning(upload('encoder_hidden_states'));
      using eps = model.predictNoise(z, 999, c);
      const got = { data: (await eps.read()) as Float32Array, shape: [...eps.shape] };
      // As far as the embedding is off, not the network.
      expect(relativeError(got, tensor('eps'))).toBeLessThan(1e-3);
      await model.dispose();
    });

    it('restores, calibrates, and follows the guidance scale', async () => {
      const restore = async (guidance?: number): Promise<Float32Array> => {
        await using latino = await Latino.load({ model: checkpoint(`guidance-${guidance}`), guidance });
        return (await latino.restore(measurement, options)).image.data;
      };
      const [none, standard, strong] = [await restore(), await restore(8.5), await restore(12)];
      expect(none).toHaveLength(3 * 64 * 64);
      expect(none.every(Number.isFinite)).toBe(true);
      expect(none).toEqual(standard);
      expect(none).not.toEqual(strong);

      await using latino = await Latino.load({ model: checkpoint('calibrated') });
      const { embedding, image } = await latino.restore(measurement, { ...options, calibrate: { passes: 1 } });
      const { max_position_embeddings, hidden_size } = json<{ max_position_embeddings: number; hidden_size: number }>(
        'text_encoder',
        'config.json',
      );
      expect(embedding!.shape).toEqual([1, max_position_embeddings, hidden_size]);
      expect(image.data).not.toEqual(none);
    });

    it('takes an autoencoder from another folder', async () => {
      const restore = async (model: string, vae?: string): Promise<Float32Array> => {
        await using latino = await Latino.load({ model, vae });
        return (await latino.restore(measurement, options)).image.data;
      };
      const full = checkpoint('full', { vae: 'models/tiny-sd15/vae' }, 'AutoencoderKL');
      const [own, tiny] = [await restore(full), await restore(full, goldenPath(LCM.vae))];
      expect(own.every(Number.isFinite)).toBe(true);
      expect(tiny).not.toEqual(own);
      expect(tiny).toEqual(await restore(checkpoint('tiny')));
      await expect(Latino.load({ model: full, vae: join(folder, 'none') })).rejects.toThrow(withCode('MODEL', /none.config.json/));
      await expect(Latino.load({ model: full, vae: join(full, 'text_encoder') })).rejects.toThrow(withCode('MODEL', /no _class_name/));
      await expect(Latino.load({ model: full, vae: join(full, 'unet') })).rejects.toThrow(
        withCode('MODEL', /AutoencoderKL or AutoencoderTiny or AutoencoderLinear in .*unet but found UNet2DConditionModel/),
      );
    });

    it('takes another autoencoder for the steps before the last', async () => {
      const model = checkpoint('steps', { vae: 'models/tiny-sd15/vae' }, 'AutoencoderKL');
      const [own, quick] = [goldenPath('models/tiny-sd15/vae'), goldenPath(LCM.vae)];
      const restore = async (autoencoder?: string): Promise<Float32Array> => {
        await using latino = await Latino.load({ model, autoencoder });
        return (await latino.restore(measurement, options)).image.data;
      };
      const plain = await restore();
      expect(await restore(own)).toEqual(plain);
      expect(await restore(quick)).not.toEqual(plain);
      expect(await modelDigest({ model, autoencoder: quick })).not.toBe(await modelDigest({ model }));
      await expect(Latino.load({ model, autoencoder: 'models/portraits-lcm/vae' })).rejects.toThrow(
        withCode('MODEL', /of 4 latent channels/),
      );

      const addon = loadAddon(DEVICE);
      const device: Device = addon.openDevice(DEVICE);
      const both = await loadModel(addon, device, model, { autoencoder: quick });
      const another = await loadModel(addon, device, model, { vae: quick });
      const operator = buildOperator(addon, device, superResolution({ factor: 8 }), { height: 64, width: 64 });
      using y = device.upload(pixels, [1, 3, 8, 8]);
      using conditioning = await both.condition(['a photo']);
      const steps = latino(
        {
          kernels: addon,
          prior: new WindowedPrior(addon, both.forSteps),
          problem: { operator, y, imageShape: [1, 3, 64, 64], sigma: 0.1 },
          gammaRule: gammaRule(addon, 1, { family: 'sd15', task: 'super-resolution', factor: 8 }),
          noise: seededNoise(device, 0),
        },
        { conditioning, timesteps: [999, 499, 249] },
      );
      const decoded = async (prior: Prior, latents: Tensor): Promise<unknown> => {
        using image = prior.decode(latents, 64, 64);
        return image.read();
      };
      for (const prior of [another, another, both]) {
        const { done, value: step } = await steps.next();
        if (done) throw new Error('Expected three steps');
        expect(await step.x.read()).toEqual(await decoded(prior, step.z0));
        using m = prior.encode(step.prox);
        expect(await step.m.read()).toEqual(await m.read());
      }
      const { value: result } = await steps.next();
      (result as Tensor).dispose();
      for (const each of [both, another]) await each.dispose();
    });

    it('takes the weights of a UNet and a text encoder from files by themselves', async () => {
      const restore = async (options2: LoadOptions): Promise<Float32Array> => {
        await using latino = await Latino.load(options2);
        return (await latino.restore(measurement, options)).image.data;
      };
      const model = checkpoint('files');
      const own = await restore({ model });
      const file = (part: 'unet' | 'text_encoder', name: string): string => join(goldenPath(LCM[part]), name);
      const unet = file('unet', 'diffusion_pytorch_model.safetensors');
      const textEncoder = file('text_encoder', 'model.safetensors');
      expect(await restore({ model, unet, textEncoder })).toEqual(own);

      // The same network with every number of its first layer the other way round.
      const tensors = await readTensors(unet);
      const flipped = {
        ...tensors.get('conv_in.weight')!,
        data: (tensors.get('conv_in.weight')!.data as Float32Array).map((value) => -value),
      };
      const other = join(folder, 'other.safetensors');
      writeFileSync(
        other,
        encodeSafetensors(Object.fromEntries([...tensors, ['conv_in.weight', flipped]]) as Record<string, typeof flipped>, {}),
      );
      expect(await restore({ model, unet: other })).not.toEqual(own);
      expect(await modelDigest({ model, unet: other })).not.toBe(await modelDigest({ model }));
      expect(await modelDigest({ model, unet })).toBe(await modelDigest({ model }));

      writeFileSync(join(folder, 'dmd2_unet.bin'), 'PK');
      await expect(Latino.load({ model, unet: join(folder, 'dmd2_unet.bin') })).rejects.toThrow(
        withCode('MODEL', /is a pickle, which is never executed/),
      );
      await expect(Latino.load({ model, unet: textEncoder })).rejects.toThrow(withCode('MODEL', /has no weight .*, expected one of shape/));
      await expect(Latino.load({ model, textEncoder2: textEncoder })).rejects.toThrow(
        withCode('MODEL', /has no text_encoder_2, expected one beside/),
      );
    });

    it('is said to be of use, or why it is not', async () => {
      const { use, problem } = await inspectModel(checkpoint('inspected'));
      const { sample_size: side } = json<{ sample_size: number }>('unet', 'config.json');
      const { max_position_embeddings: tokens } = json<{ max_position_embeddings: number }>('text_encoder', 'config.json');
      expect(problem).toBeUndefined();
      expect(use).toMatchObject({ family: 'Stable Diffusion 1.x', tokens, guidance: 8.5 });
      expect(use!.nativeSize % side).toBe(0);

      const broken = changed('unfit', 'unet', 'config.json', { cross_attention_dim: 8 });
      expect(await inspectModel(broken)).toMatchObject({
        problem: expect.stringMatching(/cross_attention_dim of the unet/),
        components: expect.any(Array),
      });
      expect((await run('inspect', broken)).stdout).toMatch(/^cannot be used: Expected cross_attention_dim/m);
      const deeper = changed('deeper', 'unet', 'config.json', { layers_per_block: 7 });
      expect((await inspectModel(deeper)).problem).toMatch(/has no weight .*, expected one of shape/);
      const ofXl = await run('inspect', goldenPath('models/tiny-sdxl'));
      expect(ofXl.stdout).toMatch(/^Stable Diffusion XL: images of 128 × 128, prompts of 77 tokens$/m);
    });

    it('is restored with from the command line', async () => {
      const [model, small, output] = [checkpoint('cli'), join(folder, 'small.png'), join(folder, 'restored.png')];
      await sharp(Buffer.from(pixels.map((value) => 255 * value)), { raw: { width: 8, height: 8, channels: 3 } }).toFile(small);
      const task = ['restore', small, '--task', 'sr:8', '--sigma', '0.05', '--steps', '1', '--model', model, '-o', output];
      expect(await run(...task, '--vae', goldenPath(LCM.vae), '--unet', goldenPath(LCM.unet), '--guidance', '3')).toMatchObject({
        status: 0,
        stderr: '',
      });
      expect(await sharp(output).metadata()).toMatchObject({ width: 64, height: 64 });
      expect(await run(...task, '--guidance', '0')).toMatchObject({
        status: 2,
        stderr: expect.stringContaining('a number of at least 1 for guidance'),
      });
    });

    it('refuses guidance below 1, and any where the UNet takes none', async () => {
      for (const guidance of [0.5, Number.NaN, Infinity])
        await expect(Latino.load({ model: checkpoint(`bad-${guidance}`), guidance })).rejects.toThrow(
          withCode('ARGUMENT', /a number of at least 1 for guidance/),
        );
      await expect(Latino.load({ model: 'portraits', guidance: 8.5 })).rejects.toThrow(withCode('ARGUMENT', /Expected no guidance/));
    });

    it('refuses parts that do not fit together', async () => {
      const refuses = async (model: string, message: RegExp): Promise<void> =>
        expect(Latino.load({ model })).rejects.toThrow(withCode('MODEL', message));
      const text = json<{ hidden_size: number; max_position_embeddings: number }>('text_encoder', 'config.json');
      const { block_out_channels: widths } = json<{ block_out_channels: number[] }>('unet', 'config.json');
      const vae = json<{ latent_channels: number; num_decoder_blocks: number[] }>('vae', 'config.json');
      const changedConfig = (name: string, part: keyof Parts, change: object): string => changed(name, part, 'config.json', change);

      const wide = 2 * text.hidden_size;
      await refuses(changedConfig('hidden', 'text_encoder', { hidden_size: wide }), new RegExp(`cross_attention_dim .* \\(${wide}\\)`));
      const deep = 4 * vae.latent_channels;
      await refuses(changedConfig('latents', 'vae', { latent_channels: deep }), new RegExp(`in_channels .* \\(${deep}\\)`));
      const tokens = text.max_position_embeddings;
      const long = changed('tokens', 'tokenizer', 'tokenizer_config.json', { model_max_length: tokens + 13 });
      await refuses(long, new RegExp(`at most ${tokens} tokens`));
      const heads = Math.max(...widths) + 1;
      await refuses(
        changedConfig('heads', 'unet', { attention_head_dim: heads }),
        new RegExp(`attention heads that divides \\d+ .* ${heads}`),
      );
      await refuses(changedConfig('groups', 'unet', { norm_num_groups: 0 }), /normalisation groups of .*norm1 that divides \d+ .* 0/);
      const blocks = vae.num_decoder_blocks;
      await refuses(changedConfig('decoder', 'vae', { num_decoder_blocks: blocks.with(-1, blocks.at(-1)! + 1) }), /decoder/);
      await refuses(
        checkpoint('sdxl', { unet: 'models/tiny-sdxl/unet' }),
        /text_encoder_2 of class CLIPTextModelWithProjection in .* but found none/,
      );
    });
  },
);

goldenSet(
  'a checkpoint of Stable Diffusion 1.x structure, with AutoencoderKL',
  ['models/tiny-sd15/model_index.json', 'models/lcm-lora.safetensors'],
  () => {
    const model = goldenPath('models/tiny-sd15');

    it('encodes to scaled means and decodes to clipped images, as diffusers does', async () => {
      const addon = loadAddon(DEVICE);
      const device: Device = addon.openDevice(DEVICE);
      const loaded = await loadModel(addon, device, model);
      const tensors = await readTensors(goldenPath('models/tiny-sd15/io.safetensors'));
      const tensor = (name: string): Stored => tensors.get(`vae/v0/${name}`)!;
      const mapped = (name: string, map: (value: number) => number): Stored => ({
        shape: tensor(name).shape,
        data: Float32Array.from(tensor(name).data as Float32Array, map),
      });
      const upload = ({ data, shape }: Stored): Tensor => device.upload(data, shape);
      const read = async (from: Tensor): Promise<Stored> => ({ data: (await from.read()) as Float32Array, shape: [...from.shape] });
      const { scaling_factor = 0.18215 } = JSON.parse(readFileSync(join(model, 'vae/config.json'), 'utf8')) as { scaling_factor?: number };
      const scaled = (value: number): number => scaling_factor * value;
      using x = upload(tensor('x')); // lies in [-1, 1], so that clipping leaves it
      using latents = loaded.encode(x);
      expect(relativeError(await read(latents), mapped('mean', scaled))).toBeLessThan(5e-5);
      using z = upload(mapped('z', scaled));
      using image = loaded.decode(z, tensor('decoded').shape[2]!, tensor('decoded').shape[3]!);
      expect(
        relativeError(
          await read(image),
          mapped('decoded', (value) => Math.min(1, Math.max(-1, value))),
        ),
      ).toBeLessThan(5e-5);
      await loaded.dispose();
    });

    it('adds LoRAs to its weights, from the library and from the command line', async () => {
      const path = goldenPath('models/lcm-lora.safetensors');
      const restore = async (loras?: LoadOptions['loras']): Promise<Float32Array> => {
        await using latino = await Latino.load({ model, loras });
        return (await latino.restore(measurement, options)).image.data;
      };
      const [plain, none, whole] = [await restore(), await restore([{ path, strength: 0 }]), await restore([path])];
      expect(none).toEqual(plain);
      expect(whole).not.toEqual(plain);
      // Two that cancel leave what rounding leaves.
      const both = await restore([
        { path, strength: 2 },
        { path, strength: -2 },
      ]);
      expect(relativeError({ shape: [both.length], data: both }, { shape: [plain.length], data: plain })).toBeLessThan(1e-4);

      const [small, output] = [join(folder, 'measured.png'), join(folder, 'with-lora.png')];
      await sharp(Buffer.from(pixels.map((value) => 255 * value)), { raw: { width: 8, height: 8, channels: 3 } }).toFile(small);
      const task = ['restore', small, '--task', 'sr:8', '--sigma', '0.05', '--steps', '1', '--model', model, '-o', output];
      expect(await run(...task, '--lora', `${path}:0.5`, '--lora', path)).toMatchObject({ status: 0, stderr: '' });
      expect(await run(...task, '--lora', join(folder, 'none'))).toMatchObject({
        status: 2,
        stderr: expect.stringContaining('ERR_LATINO_MODEL'),
      });
    });

    it('restores an image of any size, the same for the same seed', async () => {
      await using latino = await Latino.load({ model });
      const wide = { data: new Uint8Array(3 * 9 * 13).map((_, i) => (37 * i) % 256), width: 13, height: 9, channels: 3 } as const;
      const run = () => latino.restore(wide, { ...options, operator: superResolution({ factor: 8 }), seed: 3 });
      const [first, second] = [await run(), await run()];
      expect([first.width, first.height]).toEqual([104, 72]);
      expect(first.image.data.every(Number.isFinite)).toBe(true);
      expect(second.image.data).toEqual(first.image.data);
      const withPrompt = (prompt?: string) => latino.restore(measurement, { ...options, prompt });
      const [unsaid, photo, portrait] = [await withPrompt(), await withPrompt('a photo'), await withPrompt('a portrait of a person')];
      expect(unsaid.image.data).toEqual(photo.image.data);
      expect(unsaid.image.data).not.toEqual(portrait.image.data);
    });
  },
);
