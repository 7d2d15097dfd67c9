import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { pullModel } from '../../src/index.js';
import { commandLine, execute, expectRefusal, run } from '../support/cli.js';
import { withCode } from '../support/errors.js';
import { type HubModel, sha256 } from '../support/hub.js';
import { changed, EmptyCache, model, NAME, NEEDED, startHub, text, tiny, UNET, UNET_FP16 } from '../support/hub_cache.js';

const cache = new EmptyCache();
const configOf = (path: string): object => JSON.parse(tiny[path]!.toString()) as object;

const sizeOf = (path: string): number => (existsSync(path) ? statSync(path).size : 0);

/** Sends a process a signal once something is so. */
function endWhen(child: ChildProcess, signal: NodeJS.Signals, isSo: () => boolean): void {
  const watch = setInterval(() => {
    if (!isSo()) return;
    clearInterval(watch);
    child.kill(signal);
  }, 10);
  child.on('exit', () => clearInterval(watch));
}

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
    expect(sha256(readFileSync(join(cache.snapshot, UNET)))).toBe(sha256(tiny[UNET]!));
    expect(hub.served.filter(({ path }) => path === UNET).reduce((sum, { sent }) => sum + sent, 0)).toBeLessThan(1.2 * size);
  });

  it('goes on after its process was killed, five times, and leaves nothing half done to be found', { timeout: 600_000 }, async () => {
    await using hub = await startHub();
    const piece = Math.floor(size / 7);
    hub.faults.set(UNET, (request) => (request < 5 ? { holdAfter: piece } : undefined));
    const partial = join(cache.folder, 'blobs', `${sha256(tiny[UNET]!)}.latino.incomplete`);
    for (let round = 1; round <= 5; round++) {
      const outcome = await execute([...commandLine, 'pull', NAME, '--variant', 'full'], (child) =>
        endWhen(child, 'SIGKILL', () => sizeOf(partial) === round * piece),
      );
      expect(outcome.status).toBe('SIGKILL');
      expect(cache.linked).toEqual([]);
    }
    expect(await execute([...commandLine, 'pull', NAME, '--variant', 'full'])).toMatchObject({ status: 0, stderr: '' });
    expect(hub.rangesOf(UNET)).toEqual([undefined, ...[1, 2, 3, 4, 5].map((round) => `bytes=${round * piece}-`)]);
    for (const path of cache.linked) expect(readFileSync(join(cache.snapshot, path)).equals(tiny[path]!), path).toBe(true);
    expect(cache.linked).toContain(UNET);
    expect(cache.blobs.filter((name) => name.includes('incomplete'))).toEqual([]);
  });

  it('ends in order at Ctrl-C, and keeps what is here', { timeout: 300_000 }, async () => {
    await using hub = await startHub();
    hub.faults.set(UNET_FP16, (request) => (request === 0 ? { holdAfter: 1000 } : undefined));
    const partial = join(cache.folder, 'blobs', `${sha256(tiny[UNET_FP16]!)}.latino.incomplete`);
    const outcome = await execute([...commandLine, 'pull', NAME], (child) => endWhen(child, 'SIGINT', () => sizeOf(partial) === 1000));
    expect(outcome).toEqual({ status: 130, stdout: '', stderr: 'latino-native: Interrupted by SIGINT [ABORT_ERR]\n' });
    expect(sizeOf(partial)).toBe(1000);
    await pullModel(NAME);
    expect(hub.rangesOf(UNET_FP16)).toEqual([undefined, 'bytes=1000-']);
    expect(cache.linked).toEqual(NEEDED);
  });

  it('begins anew where the server gives no parts', async () => {
    await using hub = await startHub();
    hub.faults.set(UNET_FP16, (request) => (request === 0 ? { cutAfter: 5000 } : { ignoreRange: true }));
    await pullModel(NAME);
    expect(readFileSync(join(cache.snapshot, UNET_FP16)).equals(tiny[UNET_FP16]!)).toBe(true);
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
    expect(cache.blobs.some((name) => name.startsWith(hash))).toBe(false);
    expect(cache.linked).toEqual([]);
    expect(existsSync(join(cache.folder, 'refs'))).toBe(false);
    expect(await run('pull', NAME)).toMatchObject({ status: 1, stderr: expect.stringMatching(/\[ERR_LATINO_DOWNLOAD\]\n$/) });

    hub.faults.set('unet/config.json', () => ({ corrupt: true }));
    rmSync(cache.folder, { recursive: true });
    await expect(pullModel(NAME)).rejects.toThrow(withCode('DOWNLOAD', /config.json of .* with the git hash/));
    expect(cache.blobs).toEqual([]);
    hub.faults.clear();
    await pullModel(NAME);
  });

  it('leads out of the cache nowhere', async () => {
    await using _hub = await startHub({ [NAME]: changed({ '../../../outside.safetensors': text('x') }) });
    await expect(pullModel(NAME, { files: ['../../../outside.safetensors'] })).rejects.toThrow(
      withCode('DOWNLOAD', /answered otherwise for someone.tiny-lcm \(the path /),
    );
    expect(cache.files).toEqual([]);
  });

  it('is thrown away where it is what an earlier download left', async () => {
    await using hub = await startHub();
    await pullModel(NAME);
    const blob = realpathSync(join(cache.snapshot, UNET_FP16));
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
    vi.stubEnv('HF_TOKEN_PATH', join(cache.path, 'token'));
    writeFileSync(join(cache.path, 'token'), 'secret\n');
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
    expect(cache.files).toEqual([]);
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
    expect(cache.files).toEqual([]);
  });

  it('is refused where the disk has no room for it', async () => {
    await using hub = await startHub();
    hub.statedSizes.set(UNET_FP16, 2 ** 49);
    expect(await run('pull', NAME)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/512\.0 TiB are to be downloaded but only [\d.]+ .iB are free; HF_HUB_CACHE .*OUTPUT\]\n$/),
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
