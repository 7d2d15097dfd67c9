import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Latino, pullModel, superResolution } from '../../src/index.js';
import { commandLine, execute, expectRefusal, run } from '../support/cli.js';
import { withCode } from '../support/errors.js';
import { goldenPath } from '../support/golden.js';
import { COMMIT, folderFiles, gitHash, type HubModel, StandInHub, sha256 } from '../support/hub.js';

const NAME = 'someone/tiny-lcm';
const UNET = 'unet/diffusion_pytorch_model.safetensors';
const UNET_FP16 = 'unet/diffusion_pytorch_model.fp16.safetensors';
const NEEDED = [
  ...['model_index.json', 'scheduler/scheduler_config.json', 'text_encoder/config.json', 'text_encoder/model.safetensors'],
  ...['tokenizer/merges.txt', 'tokenizer/special_tokens_map.json', 'tokenizer/tokenizer_config.json', 'tokenizer/vocab.json'],
  ...['unet/config.json', UNET_FP16, 'vae/config.json', 'vae/diffusion_pytorch_model.safetensors'],
];

const tiny = folderFiles(goldenPath('models/tiny-sd15'));
const text = (value: unknown): Buffer => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
/** What repositories have beside what a restoration needs. */
const ballast = Object.fromEntries(
  [
    ...['README.md', '.gitattributes', 'v1-5-pruned.safetensors', 'v1-5-pruned.ckpt', 'unet/diffusion_pytorch_model.bin'],
    ...['safety_checker/model.safetensors', 'safety_checker/config.json', 'feature_extractor/preprocessor_config.json'],
    ...['text_encoder/flax_model.msgpack', 'vae_decoder/model.onnx', 'unet/diffusion_pytorch_model.non_ema.safetensors'],
  ].map((path) => [path, text(`not wanted: ${path}`)]),
);
const model: HubModel = { files: { ...tiny, ...ballast }, refs: ['v1.0'] };
/** The same with a file changed, or taken away. */
const changed = (changes: Record<string, Buffer | undefined>): HubModel => ({
  files: Object.fromEntries(
    Object.entries({ ...model.files, ...changes }).filter((entry): entry is [string, Buffer] => entry[1] !== undefined),
  ),
});
const configOf = (path: string): object => JSON.parse(tiny[path]!.toString()) as object;

let cache: string;
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'latino-pull-test-'));
  vi.stubEnv('HF_HUB_CACHE', cache);
  vi.stubEnv('HF_HOME', join(cache, 'home'));
  for (const name of ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN', 'HF_TOKEN_PATH', 'HF_HUB_OFFLINE']) vi.stubEnv(name, '');
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(cache, { recursive: true });
});

async function startHub(models: Readonly<Record<string, HubModel>> = { [NAME]: model }): Promise<StandInHub> {
  const hub = await StandInHub.start(models);
  vi.stubEnv('HF_ENDPOINT', `${hub.url}/`);
  return hub;
}

const folder = (name = NAME): string => join(cache, `models--${name.replace('/', '--')}`);
const snapshot = (name = NAME): string => join(folder(name), 'snapshots', COMMIT);
const filesBelow = (path: string): string[] => (existsSync(path) ? Object.keys(folderFiles(path)).sort() : []);
const blobs = (name = NAME): string[] => (existsSync(join(folder(name), 'blobs')) ? readdirSync(join(folder(name), 'blobs')).sort() : []);
const snapshotFiles = (name = NAME): string[] =>
  existsSync(snapshot(name))
    ? readdirSync(snapshot(name), { recursive: true, encoding: 'utf8' })
        .filter((path) => lstatSync(join(snapshot(name), path)).isSymbolicLink())
        .sort()
    : [];

describe('pull', () => {
  it('downloads what a restoration needs and nothing else, which is then found by its name', async () => {
    await using hub = await startHub();
    const { status, stdout, stderr } = await run('pull', NAME);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(
      /^someone\/tiny-lcm: Stable Diffusion 1.x, 12 files, [\d.]+ MiB, [\d.]+ MiB downloaded\n.*\nTo use it: --model someone\/tiny-lcm\n$/,
    );
    expect(snapshotFiles()).toEqual([...NEEDED].sort());
    expect(new Set(hub.served.map(({ path }) => path))).toEqual(new Set(NEEDED));

    await using latino = await Latino.load({ model: NAME });
    const measurement = { data: new Float32Array(3 * 64).fill(0.4), width: 8, height: 8, channels: 3 } as const;
    const { image } = await latino.restore(measurement, { operator: superResolution({ factor: 8 }), sigma: 0.05, steps: 1 });
    expect(image.data.every(Number.isFinite)).toBe(true);
  });

  it("lays it out as Hugging Face's own libraries do", async () => {
    await using _hub = await startHub();
    await pullModel(`${NAME}@v1.0`);
    expect(readFileSync(join(folder(), 'refs/v1.0'), 'utf8')).toBe(COMMIT);
    for (const path of NEEDED) {
      const bytes = tiny[path]!;
      const hash = path.endsWith('.safetensors') ? sha256(bytes) : gitHash(bytes);
      expect(readlinkSync(join(snapshot(), path)), path).toBe(`${'../'.repeat(path.split('/').length + 1)}blobs/${hash}`);
      expect(readFileSync(join(snapshot(), path)).equals(bytes), path).toBe(true);
    }
    expect(blobs()).toHaveLength(NEEDED.length);
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

  it('takes shards, LoRAs, networks by themselves and files by their names', async () => {
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

    expectRefusal(await run('pull', 'a/loose'), 'MODEL', /found dmd2_lora.safetensors, which --file downloads by name/);
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

describe('a download that is stopped', () => {
  const size = tiny[UNET]!.length;

  it('goes on where the connection broke off, five times', async () => {
    await using hub = await startHub();
    hub.faults.set(UNET, (request) => (request < 5 ? { cutAfter: Math.floor(size / 7) } : undefined));
    await pullModel(NAME, { variant: 'full' });
    const ranges = hub.rangesOf(UNET);
    expect(ranges).toHaveLength(6);
    const starts = ranges.map((range) => Number(/^bytes=(\d+)-$/.exec(range ?? 'bytes=0-')![1]));
    for (const [i, start] of starts.slice(1).entries()) expect(start).toBeGreaterThan(starts[i]!);
    expect(sha256(readFileSync(join(snapshot(), UNET)))).toBe(sha256(tiny[UNET]!));
    expect(hub.served.filter(({ path }) => path === UNET).reduce((sum, { sent }) => sum + sent, 0)).toBeLessThan(1.2 * size);
  });

  it('goes on after its process was killed, five times, and leaves nothing half done to be found', async () => {
    await using hub = await startHub();
    const piece = Math.floor(size / 7);
    hub.faults.set(UNET, (request) => (request < 5 ? { holdAfter: piece } : undefined));
    const partial = join(folder(), 'blobs', `${sha256(tiny[UNET]!)}.latino.incomplete`);
    for (let round = 1; round <= 5; round++) {
      const outcome = await execute([...commandLine, 'pull', NAME, '--variant', 'full'], (process) => {
        const watch = setInterval(() => {
          if (!existsSync(partial) || statSync(partial).size < round * piece) return;
          clearInterval(watch);
          process.kill('SIGKILL');
        }, 10);
        process.on('exit', () => clearInterval(watch));
      });
      expect(outcome.status).toBe('SIGKILL');
      expect(snapshotFiles()).toEqual([]);
    }
    expect(await execute([...commandLine, 'pull', NAME, '--variant', 'full'])).toMatchObject({ status: 0, stderr: '' });
    expect(hub.rangesOf(UNET)).toEqual([undefined, ...[1, 2, 3, 4, 5].map((round) => `bytes=${round * piece}-`)]);
    for (const path of snapshotFiles()) expect(readFileSync(join(snapshot(), path)).equals(tiny[path]!), path).toBe(true);
    expect(snapshotFiles()).toContain(UNET);
    expect(blobs().filter((name) => name.includes('incomplete'))).toEqual([]);
  });

  it('ends in order at Ctrl-C, and keeps what is here', async () => {
    await using hub = await startHub();
    hub.faults.set(UNET_FP16, (request) => (request === 0 ? { holdAfter: 1000 } : undefined));
    const partial = join(folder(), 'blobs', `${sha256(tiny[UNET_FP16]!)}.latino.incomplete`);
    const controller = new AbortController();
    const pulling = pullModel(NAME, {
      signal: controller.signal,
      onProgress: ({ file }) => file === UNET_FP16 && controller.abort(new Error('enough')),
    });
    await expect(pulling).rejects.toThrow('enough');
    expect(statSync(partial).size).toBeGreaterThan(0);
    await pullModel(NAME);
    expect(hub.rangesOf(UNET_FP16)).toEqual([undefined, expect.stringMatching(/^bytes=[1-9]\d*-$/)]);
  });

  it('begins anew where the server gives no parts', async () => {
    await using hub = await startHub();
    hub.faults.set(UNET_FP16, (request) => (request === 0 ? { cutAfter: 5000 } : { ignoreRange: true }));
    await pullModel(NAME);
    expect(readFileSync(join(snapshot(), UNET_FP16)).equals(tiny[UNET_FP16]!)).toBe(true);
  });
});

describe('what is not as the hub says', () => {
  it('never lands in the cache', async () => {
    await using hub = await startHub();
    hub.faults.set(UNET_FP16, () => ({ corrupt: true }));
    await expect(pullModel(NAME)).rejects.toThrow(
      withCode('DOWNLOAD', /fp16.safetensors of someone.tiny-lcm .* with the SHA-256 [0-9a-f]{64} but its content has another/),
    );
    const hash = sha256(tiny[UNET_FP16]!);
    expect(blobs().some((name) => name.startsWith(hash))).toBe(false);
    expect(snapshotFiles()).toEqual([]);
    expect(filesBelow(join(folder(), 'refs'))).toEqual([]);
    expect(await run('pull', NAME)).toMatchObject({ status: 1, stderr: expect.stringMatching(/\[ERR_LATINO_DOWNLOAD\]\n$/) });

    hub.faults.set('unet/config.json', () => ({ corrupt: true }));
    rmSync(folder(), { recursive: true });
    await expect(pullModel(NAME)).rejects.toThrow(withCode('DOWNLOAD', /config.json of .* with the git hash/));
    expect(blobs()).toEqual([]);
    hub.faults.clear();
    await pullModel(NAME);
  });

  it('is thrown away where it is what an earlier download left', async () => {
    await using hub = await startHub();
    await pullModel(NAME);
    const blob = realpathSync(join(snapshot(), UNET_FP16));
    rmSync(blob);
    writeFileSync(`${blob}.latino.incomplete`, Buffer.alloc(1000, 1));
    await pullModel(NAME);
    expect(sha256(readFileSync(blob))).toBe(sha256(tiny[UNET_FP16]!));
    expect(hub.rangesOf(UNET_FP16)).toEqual([undefined, 'bytes=1000-', undefined]);
  });
});

describe('a hub that says no', () => {
  it('is understood where a licence was not accepted, and told the token, which no other host learns', async () => {
    await using hub = await startHub({ [NAME]: { ...model, tokens: ['secret'] } });
    expectRefusal(
      await run('pull', NAME),
      'MODEL',
      /gated \(status 401\): accept its licence at .*someone\/tiny-lcm, then set HF_TOKEN to a token/,
    );
    vi.stubEnv('HF_TOKEN', 'another');
    expectRefusal(await run('pull', NAME), 'MODEL', /gated \(status 403\): accept its licence at .* with the account of HF_TOKEN/);
    expect(hub.served).toEqual([]);
    vi.stubEnv('HF_TOKEN', '');
    vi.stubEnv('HF_TOKEN_PATH', join(cache, 'token'));
    writeFileSync(join(cache, 'token'), 'secret\n');
    await pullModel(NAME);
    const heard = (large: boolean) =>
      new Set(hub.served.filter(({ path }) => path.endsWith('.safetensors') === large).map(({ authorization }) => authorization));
    expect(heard(false)).toEqual(new Set(['Bearer secret']));
    expect(heard(true)).toEqual(new Set([undefined]));
  });

  it('is understood where there is no such model or revision, or no network', async () => {
    await using _hub = await startHub();
    expectRefusal(
      await run('pull', 'someone/else'),
      'MODEL',
      /Expected a model someone\/else at .* but there is none .*HF_TOKEN if it is private/,
    );
    expectRefusal(await run('pull', `${NAME}@v9`), 'MODEL', /Expected that revision of someone\/tiny-lcm .* but there is none/);
    for (const name of ['tiny', 'a/b/c', '../b', 'a/..', 'https://a.b/c'])
      expectRefusal(
        await run('pull', name),
        'ARGUMENT',
        /Expected organisation\/name or organisation\/name@revision for model but received/,
      );
    expectRefusal(await run('pull', 'photos'), 'ARGUMENT', /'photos', which is embedded and needs no download/);
    vi.stubEnv('HF_ENDPOINT', 'http://127.0.0.1:1');
    const none = await run('pull', NAME, '--json');
    expect(none.status).toBe(1);
    expect(JSON.parse(none.stderr)).toMatchObject({
      error: { code: 'ERR_LATINO_DOWNLOAD', message: expect.stringMatching(/connection failed/) },
    });
    expect(filesBelow(cache)).toEqual([]);
  });

  it('is asked again where it is busy', async () => {
    await using hub = await startHub();
    hub.busy = 2;
    hub.faults.set(UNET_FP16, (request) => [{ status: 503 }, { status: 429 }][request]);
    await pullModel(NAME);
    expect(hub.rangesOf(UNET_FP16)).toHaveLength(3);
  });
});

describe('a model that cannot be used', () => {
  const { [UNET]: _, [UNET_FP16]: __, ...onlyPickles } = changed({ 'unet/diffusion_pytorch_model.non_ema.safetensors': undefined }).files;

  it.each<[string, HubModel, RegExp]>([
    [
      'of another structure',
      changed({ 'unet/config.json': text({ ...configOf('unet/config.json'), class_embed_type: 'projection' }) }),
      /was not downloaded: a UNet2DConditionModel with class_embed_type "projection" is not supported/,
    ],
    [
      'whose parts do not fit',
      changed({ 'unet/config.json': text({ ...configOf('unet/config.json'), cross_attention_dim: 8 }) }),
      /was not downloaded: Expected cross_attention_dim of the unet .* in someone.tiny-lcm/,
    ],
    [
      'without a UNet',
      changed({ 'model_index.json': text({ ...configOf('model_index.json'), unet: [null, null] }) }),
      /Expected unet of class UNet2DConditionModel in someone.tiny-lcm but found none/,
    ],
    ['that is no JSON', changed({ 'vae/config.json': text('{') }), /Expected JSON in someone.tiny-lcm.vae.config.json/],
    ['with pickles alone', { files: onlyPickles }, /someone.tiny-lcm.unet has its weights only as diffusion_pytorch_model.bin, a pickle/],
    [
      'whose shards leave it',
      changed({ [UNET]: undefined, [UNET_FP16]: undefined, [`${UNET}.index.json`]: text({ weight_map: { a: '../../x.safetensors' } }) }),
      /names the shard/,
    ],
  ])('%s is refused before its weights are downloaded', async (_what, unfit, says) => {
    await using hub = await startHub({ [NAME]: unfit });
    expectRefusal(await run('pull', NAME), 'MODEL', says);
    expect(hub.served.filter(({ path }) => path.endsWith('.safetensors'))).toEqual([]);
    expect(filesBelow(cache)).toEqual([]);
  });

  it('is refused where the disk has no room for it', async () => {
    await using hub = await startHub();
    hub.statedSizes.set(UNET_FP16, 2 ** 60);
    expect(await run('pull', NAME)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/GiB are to be downloaded but only .* are free; HF_HUB_CACHE .*OUTPUT\]\n$/),
    });
    expect(hub.served.filter(({ path }) => path.endsWith('.safetensors'))).toEqual([]);
  });

  it('by itself is told what makes a latent consistency model of it', async () => {
    const index = { ...configOf('model_index.json'), scheduler: ['diffusers', 'PNDMScheduler'] };
    await using _hub = await startHub({ [NAME]: changed({ 'model_index.json': text(index) }) });
    const { status, stdout } = await run('pull', NAME);
    expect(status).toBe(0);
    expect(stdout).toMatch(/add an LCM-LoRA \(latino-native pull latent-consistency\/lcm-lora-sdv1-5\)/);
    expect((await run('inspect', NAME)).stdout).toMatch(/--lora latent-consistency\/lcm-lora-sdv1-5/);
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
    rmSync(join(snapshot(), UNET_FP16));
    expectRefusal(await run('pull', NAME), 'MODEL', /what is there cannot be used: .*unet has no weights/);
  });
});

describe('two at once', () => {
  it('download every file once, and both find it', async () => {
    await using hub = await startHub();
    const outcomes = await Promise.all([0, 1].map(() => execute([...commandLine, 'pull', NAME])));
    for (const { status, stdout } of outcomes)
      expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(/^someone\/tiny-lcm: Stable/) });
    expect(hub.served.map(({ path }) => path).sort()).toEqual([...NEEDED].sort());
    await Promise.all([pullModel(NAME), pullModel(NAME, { variant: 'full' }), pullModel(NAME, { variant: 'full' })]);
    expect(hub.rangesOf(UNET)).toEqual([undefined]);
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
    rmSync(join(snapshot(), UNET_FP16));
    const { stdout } = await run('models');
    expect(stdout).toMatch(/^photos +embedded +Patch diffusion .*--model photos \(the default\)$/m);
    expect(stdout).toMatch(/^a\/lora +c0ffee00 +LoRA .*--lora a\/lora$/m);
    expect(stdout).toMatch(/^someone\/tiny-lcm +c0ffee00 .*none: .*unet has no weights/m);
  });
});
