import { readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { downloadFileToCacheDir, scanCacheDir } from '@huggingface/hub';
import { describe, expect, it, vi } from 'vitest';
import { Latino, pullModel, superResolution } from '../../src/index.js';
import { commandLine, execute, expectRefusal, run } from '../support/cli.js';
import { withCode } from '../support/errors.js';
import { goldenPath } from '../support/golden.js';
import { COMMIT, folderFiles, gitHash, sha256 } from '../support/hub.js';
import { EmptyCache, model, NAME, NEEDED, startHub, text, tiny, UNET, UNET_FP16 } from '../support/hub_cache.js';
import { encodeRaw, zeros } from '../support/raw_safetensors.js';
import { partsOf, singleFileTensors } from '../support/single_file.js';
import { type Configs, sd1, weightShapes } from '../support/small_checkpoint.js';

const cache = new EmptyCache();

describe('pull', () => {
  it('downloads what a restoration needs and nothing else, which is then found by its name', async () => {
    await using hub = await startHub();
    const { status, stdout, stderr } = await run('pull', NAME);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(
      /^someone\/tiny-lcm: Stable Diffusion 1.x, 12 files, [\d.]+ MiB, [\d.]+ MiB downloaded\n.*\nTo use it: --model someone\/tiny-lcm\n$/,
    );
    expect(cache.linked).toEqual(NEEDED);
    expect(new Set(hub.served.map(({ path }) => path))).toEqual(new Set(NEEDED));

    await using latino = await Latino.load({ model: NAME });
    const measurement = { data: new Float32Array(3 * 64).fill(0.4), width: 8, height: 8, channels: 3 } as const;
    const { image } = await latino.restore(measurement, { operator: superResolution({ factor: 8 }), sigma: 0.05, steps: 1 });
    expect(image.data.every(Number.isFinite)).toBe(true);
  });

  it("lays it out as Hugging Face's own libraries do", async () => {
    await using _hub = await startHub();
    await pullModel(`${NAME}@v1.0`);
    expect(readFileSync(join(cache.folder, 'refs/v1.0'), 'utf8')).toBe(COMMIT);
    for (const path of NEEDED) {
      const bytes = tiny[path]!;
      const hash = path.endsWith('.safetensors') ? sha256(bytes) : gitHash(bytes);
      expect(readlinkSync(join(cache.snapshot, path)), path).toBe(`${'../'.repeat(path.split('/').length + 1)}blobs/${hash}`);
      expect(readFileSync(join(cache.snapshot, path)).equals(bytes), path).toBe(true);
    }
    expect(cache.blobs).toHaveLength(NEEDED.length);
    const { repos, warnings } = await scanCacheDir(cache.path);
    expect(warnings).toEqual([]);
    expect(repos).toMatchObject([{ id: { type: 'model', name: NAME }, revisions: [{ commitOid: COMMIT, refs: ['v1.0'] }] }]);
    // By a commit it asks the network for nothing that is there.
    const found = { repo: NAME, revision: COMMIT, cacheDir: cache.path, hubUrl: 'http://127.0.0.1:1' };
    for (const path of NEEDED) expect(await downloadFileToCacheDir({ ...found, path })).toBe(join(cache.snapshot, path));
    expect((await run('inspect', `${NAME}@v1.0`)).status).toBe(0);
    expectRefusal(
      await run('inspect', NAME.replace('tiny', 'other')),
      'MODEL',
      /does not exist.*; latino-native pull someone\/other-lcm downloads it/,
    );
    expectRefusal(await run('inspect', `${NAME}@v2.0`), 'MODEL', /no refs\/v2.0; latino-native pull someone\/tiny-lcm@v2.0/);
  });

  it('downloads nothing twice, and the weights as they were trained where that is asked for', async () => {
    await using hub = await startHub();
    await pullModel(NAME);
    hub.served.length = 0;
    expect(await pullModel(NAME)).toMatchObject({ downloadedBytes: 0, kind: 'model', family: 'Stable Diffusion 1.x', revision: COMMIT });
    expect(hub.served).toEqual([]);
    const full = JSON.parse((await run('pull', NAME, '--variant', 'full', '--json')).stdout) as {
      files: string[];
      downloadedBytes: number;
    };
    expect(full.files).toContain(UNET);
    expect(full.files).not.toContain(UNET_FP16);
    expect(full.downloadedBytes).toBe(tiny[UNET]!.length);
    expect(hub.served.map(({ path }) => path)).toEqual([UNET]);
    expectRefusal(await run('pull', NAME, '--variant', 'int8'), 'ARGUMENT', /Expected fp16 or full for variant/);
  });

  it('takes both text encoders of SDXL', async () => {
    await using _hub = await startHub({ [NAME]: { files: folderFiles(goldenPath('models/tiny-sdxl')) } });
    const { family, files } = await pullModel(NAME);
    expect(family).toBe('Stable Diffusion XL');
    const second = ['merges.txt', 'special_tokens_map.json', 'tokenizer_config.json', 'vocab.json'].map((name) => `tokenizer_2/${name}`);
    expect(files.filter((path) => path.includes('_2/'))).toEqual([
      'text_encoder_2/config.json',
      'text_encoder_2/model.safetensors',
      ...second,
    ]);
    expect((await run('inspect', NAME)).stdout).toMatch(/^Stable Diffusion XL: images of 128 × 128/m);
  });

  it('takes shards, LoRAs, networks by themselves and files by their names', { timeout: 300_000 }, async () => {
    const ofGolden = (path: string): Record<string, Buffer> => folderFiles(goldenPath(`models/${path}`));
    const lora = readFileSync(goldenPath('models/lcm-lora.safetensors'));
    const sharded = { ...tiny, ...folderFiles(goldenPath('models/tiny-lcm-unet/unet-sharded'), 'unet/') };
    const { [UNET]: _, [UNET_FP16]: __, ...withShards } = sharded;
    await using hub = await startHub({
      'a/sharded': { files: { ...withShards, ...folderFiles(goldenPath('models/tiny-lcm-unet/unet-sharded'), 'unet/') } },
      'a/lora': { files: { 'pytorch_lora_weights.safetensors': lora, 'README.md': text('#') } },
      'a/taesd': { files: { ...ofGolden('tiny-taesd'), 'taesd_encoder.safetensors': text('x') } },
      'a/loose': { files: { 'dmd2_lora.safetensors': lora, 'dmd2_unet.bin': text('PK') } },
      'a/nothing': { files: { 'README.md': text('#'), 'model.gguf': text('x') } },
      [NAME]: model,
    });
    expect((await pullModel('a/sharded')).files.filter((path) => path.startsWith('unet/'))).toEqual([
      'unet/config.json',
      ...[1, 2, 3].map((shard) => `unet/diffusion_pytorch_model-0000${shard}-of-00003.safetensors`),
      'unet/diffusion_pytorch_model.safetensors.index.json',
    ]);
    expect(await pullModel('a/lora')).toMatchObject({ kind: 'lora', files: ['pytorch_lora_weights.safetensors'] });
    expect(await pullModel('a/taesd')).toMatchObject({ kind: 'vae', files: ['config.json', 'diffusion_pytorch_model.safetensors'] });

    expectRefusal(await run('pull', 'a/loose'), 'MODEL', /found dmd2_lora.safetensors; --file downloads a .safetensors file by its name/);
    expectRefusal(await run('pull', 'a/loose', '--file', 'dmd2_unet.bin'), 'MODEL', /pickles are never executed/);
    expectRefusal(await run('pull', 'a/loose', '--file', 'other.safetensors'), 'MODEL', /but it has dmd2_lora.safetensors/);
    expectRefusal(await run('pull', 'a/nothing'), 'MODEL', /found no .safetensors file/);
    const loose = await run('pull', 'a/loose', '--file', 'dmd2_lora.safetensors');
    expect(loose.stdout).toMatch(/To use it: --unet, --vae or --lora, as what it is: a\/loose\/dmd2_lora.safetensors\n$/);

    await pullModel(NAME);
    const measurement = { data: new Float32Array(3 * 64).fill(0.4), width: 8, height: 8, channels: 3 } as const;
    const restore = async (...loras: string[]): Promise<Float32Array> => {
      await using latino = await Latino.load({ model: NAME, vae: 'a/taesd', loras });
      return (await latino.restore(measurement, { operator: superResolution({ factor: 8 }), sigma: 0.05, steps: 1 })).image.data;
    };
    const byName = await restore('a/lora');
    expect(byName).toEqual(await restore('a/loose/dmd2_lora.safetensors'));
    expect(byName).not.toEqual(await restore());
    await expect(restore('a/loose/dmd2_unet.safetensors')).rejects.toThrow(
      withCode('MODEL', /latino-native pull a\/loose --file dmd2_unet.safetensors downloads it/),
    );
    expect(hub.served.some(({ path }) => path === 'taesd_encoder.safetensors')).toBe(false);
  });
});

describe('models', () => {
  it('lists what is here, usable or not', async () => {
    await using _hub = await startHub({
      [NAME]: model,
      'a/lora': { files: { 'pytorch_lora_weights.safetensors': readFileSync(goldenPath('models/lcm-lora.safetensors')) } },
    });
    const list = async () => JSON.parse((await run('models', '--json')).stdout) as Record<string, unknown>[];
    expect(await list()).toMatchObject([
      { name: 'photos', source: 'embedded', isDefault: true, kind: 'model', family: 'Patch diffusion', fits: true },
      { name: 'portraits', source: 'embedded', isDefault: false, kind: 'model', fits: true },
    ]);
    await pullModel('a/lora');
    await pullModel(`${NAME}@v1.0`);
    const [, , lora, tagged] = await list();
    expect(lora).toMatchObject({ name: 'a/lora', kind: 'lora', refs: ['main'], revision: COMMIT });
    expect(tagged).toMatchObject({
      name: `${NAME}@v1.0`,
      family: 'Stable Diffusion 1.x',
      bytes: NEEDED.reduce((sum, path) => sum + tiny[path]!.length, 0),
    });
    expect(tagged!.memory).toBeGreaterThan(tagged!.bytes as number);
    expect((await run('inspect', tagged!.name as string)).status).toBe(0);

    await pullModel(NAME);
    rmSync(join(cache.snapshot, UNET_FP16));
    const { stdout } = await run('models');
    expect(stdout).toMatch(/^photos +embedded +Patch diffusion .*--model photos \(the default\)$/m);
    expect(stdout).toMatch(/^a\/lora +c0ffee00 +LoRA .*--lora a\/lora$/m);
    expect(stdout).toMatch(/^someone\/tiny-lcm +c0ffee00 .*none: .*unet has no weights/m);
  });

  it('lists and pulls a checkpoint in a single file by the name of the file', async () => {
    const shapes = (component: string) => weightShapes(component, sd1(true)[component as keyof Configs]!);
    const parts = partsOf(sd1(true), (component) => new Map([...shapes(component)].map(([name, shape]) => [name, zeros('F16', shape)])));
    const lora = readFileSync(goldenPath('models/lcm-lora.safetensors'));
    const files = { 'dreamy.safetensors': encodeRaw(singleFileTensors(parts)), 'lora/extra.safetensors': lora };
    await using _hub = await startHub({ 'a/dreamy': { files } });
    const { stdout } = await run('pull', 'a/dreamy', '--file', 'dreamy.safetensors');
    expect(stdout).toMatch(/^To use it: --model a\/dreamy\/dreamy\.safetensors --lora latent-consistency\/lcm-lora-sdv1-5$/m);
    await pullModel('a/dreamy', { files: ['lora/extra.safetensors'] });
    const [, , dreamy, rest] = JSON.parse((await run('models', '--json')).stdout);
    expect(dreamy).toMatchObject({
      ...{ name: 'a/dreamy/dreamy.safetensors', kind: 'model', family: 'Stable Diffusion 1.x', bytes: files['dreamy.safetensors'].length },
      lcmLora: 'latent-consistency/lcm-lora-sdv1-5',
    });
    expect(rest).toMatchObject({ name: 'a/dreamy', kind: 'weights', family: 'lora/extra.safetensors', bytes: lora.length });
    expect((await run('inspect', dreamy.name)).stdout).toMatch(
      /dreamy\.safetensors: all in one file\n(.*\n)*Stable Diffusion 1\.x: images of 512/,
    );
  });
});

describe('two at once', () => {
  it('download every file once, and both find it', { timeout: 300_000 }, async () => {
    await using hub = await startHub();
    const outcomes = await Promise.all([0, 1].map(() => execute([...commandLine, 'pull', NAME])));
    for (const { status, stdout } of outcomes)
      expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(/^someone\/tiny-lcm: Stable/) });
    expect(hub.served.map(({ path }) => path).sort()).toEqual(NEEDED);
    await Promise.all([pullModel(NAME), pullModel(NAME, { variant: 'full' }), pullModel(NAME, { variant: 'full' })]);
    expect(hub.rangesOf(UNET)).toEqual([undefined]);
  });
});

describe('without a network', () => {
  it('says whether the model is here', async () => {
    await using hub = await startHub();
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    expectRefusal(await run('pull', NAME), 'MODEL', /as HF_HUB_OFFLINE is set, but it is not there/);
    vi.stubEnv('HF_HUB_OFFLINE', '0');
    await pullModel(NAME);
    hub.served.length = 0;
    vi.stubEnv('HF_HUB_OFFLINE', 'YES');
    vi.stubEnv('HF_ENDPOINT', 'http://127.0.0.1:1');
    const here = await run('pull', NAME);
    expect(here.stdout).toMatch(/^someone\/tiny-lcm: .*12 files.*all there already/);
    rmSync(join(cache.snapshot, UNET_FP16));
    expectRefusal(await run('pull', NAME), 'MODEL', /what is there cannot be used: .*unet has no weights/);
  });
});
