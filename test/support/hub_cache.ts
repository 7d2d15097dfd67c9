import { existsSync, lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, vi } from 'vitest';
import { goldenPath } from './golden.js';
import { COMMIT, folderFiles, type HubModel, StandInHub } from './hub.js';

/** The model of the stand-in hub where a test says nothing else: a small checkpoint, with what repositories have beside it. */
export const NAME = 'someone/tiny-lcm';
export const UNET = 'unet/diffusion_pytorch_model.safetensors';
export const UNET_FP16 = 'unet/diffusion_pytorch_model.fp16.safetensors';
/** What a restoration needs of it. */
export const NEEDED = [
  ...['model_index.json', 'scheduler/scheduler_config.json', 'text_encoder/config.json', 'text_encoder/model.safetensors'],
  ...['tokenizer/merges.txt', 'tokenizer/special_tokens_map.json', 'tokenizer/tokenizer_config.json', 'tokenizer/vocab.json'],
  ...['unet/config.json', UNET_FP16, 'vae/config.json', 'vae/diffusion_pytorch_model.safetensors'],
].sort();

export const tiny: Readonly<Record<string, Buffer>> = folderFiles(goldenPath('models/tiny-sd15'));
export const text = (value: unknown): Buffer => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const ballast = Object.fromEntries(
  [
    ...['README.md', '.gitattributes', 'v1-5-pruned.safetensors', 'v1-5-pruned.ckpt', 'unet/diffusion_pytorch_model.bin'],
    ...['safety_checker/model.safetensors', 'safety_checker/config.json', 'feature_extractor/preprocessor_config.json'],
    ...['text_encoder/flax_model.msgpack', 'vae_decoder/model.onnx', 'unet/diffusion_pytorch_model.non_ema.safetensors'],
  ].map((path) => [path, text(`not wanted: ${path}`)]),
);
export const model: HubModel = { files: { ...tiny, ...ballast }, refs: ['v1.0'] };

/** The same with files changed, or taken away. */
export const changed = (changes: Readonly<Record<string, Buffer | undefined>>): HubModel => ({
  files: Object.fromEntries(
    Object.entries({ ...model.files, ...changes }).filter((entry): entry is [string, Buffer] => entry[1] !== undefined),
  ),
});

/** A hub that the environment names, for as long as the test lasts. */
export async function startHub(models: Readonly<Record<string, HubModel>> = { [NAME]: model }): Promise<StandInHub> {
  const hub = await StandInHub.start(models);
  vi.stubEnv('HF_ENDPOINT', `${hub.url}/`);
  return hub;
}

/** A cache of Hugging Face's, empty before each test. */
export class EmptyCache {
  path = '';

  constructor() {
    beforeEach(() => {
      this.path = mkdtempSync(join(tmpdir(), 'latino-pull-test-'));
      vi.stubEnv('HF_HUB_CACHE', this.path);
      vi.stubEnv('HF_HOME', join(this.path, 'home'));
      for (const name of ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN', 'HF_TOKEN_PATH', 'HF_HUB_OFFLINE']) vi.stubEnv(name, '');
    });
    afterEach(() => {
      vi.unstubAllEnvs();
      rmSync(this.path, { recursive: true });
    });
  }

  /** Of the model. */
  get folder(): string {
    return join(this.path, `models--${NAME.replace('/', '--')}`);
  }

  get snapshot(): string {
    return join(this.folder, 'snapshots', COMMIT);
  }

  get blobs(): string[] {
    const folder = join(this.folder, 'blobs');
    return existsSync(folder) ? readdirSync(folder).sort() : [];
  }

  /** Links of the snapshot. */
  get linked(): string[] {
    if (!existsSync(this.snapshot)) return [];
    const paths = readdirSync(this.snapshot, { recursive: true, encoding: 'utf8' });
    return paths.filter((path) => lstatSync(join(this.snapshot, path)).isSymbolicLink()).sort();
  }

  /** All that is there. */
  get files(): string[] {
    return Object.keys(folderFiles(this.path));
  }
}
