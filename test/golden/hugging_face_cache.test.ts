import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { inspectModel, Latino, superResolution } from '../../src/index.js';
import { withCode } from '../support/errors.js';
import { goldenPath, goldenSet } from '../support/golden.js';

const MODEL = 'models/tiny-sd15';
const REVISION = '0123456789abcdef0123456789abcdef01234567';
const options = { operator: superResolution({ factor: 8 }), sigma: 0.05, steps: 1, prompt: 'a cat' };
const measurement = { data: new Float32Array(3 * 64).fill(0.4), width: 8, height: 8, channels: 3 } as const;

goldenSet("a model in Hugging Face's cache", [`${MODEL}/model_index.json`, `${MODEL}/unet`], () => {
  const root = mkdtempSync(join(tmpdir(), 'latino-hub-'));
  const cached = join(root, 'models--someone--tiny.sd15');
  const snapshot = join(cached, 'snapshots', REVISION);
  afterAll(() => rmSync(root, { recursive: true }));
  afterEach(() => vi.unstubAllEnvs());

  /** As the hub's libraries lay it out: the files are blobs, and a snapshot is a tree of links to them. */
  beforeAll(() => {
    mkdirSync(join(cached, 'blobs'), { recursive: true });
    let blobs = 0;
    for (const entry of readdirSync(goldenPath(MODEL), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const file = join(entry.parentPath, entry.name);
      const [blob, link] = [join(cached, 'blobs', `blob${blobs++}`), join(snapshot, relative(goldenPath(MODEL), file))];
      cpSync(file, blob);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(relative(dirname(link), blob), link);
    }
    mkdirSync(join(cached, 'refs'));
    writeFileSync(join(cached, 'refs', 'main'), REVISION);
  });

  const restore = async (model: string): Promise<Float32Array> => {
    await using latino = await Latino.load({ model });
    return (await latino.restore(measurement, options)).image.data;
  };

  it('restores as its folder does, by its path, by that of its snapshot, and by its name', async () => {
    vi.stubEnv('HF_HUB_CACHE', root);
    const own = await restore(goldenPath(MODEL));
    for (const model of [cached, snapshot, 'someone/tiny.sd15']) expect(await restore(model), model).toEqual(own);
    expect((await inspectModel('someone/tiny.sd15')).path).toBe(snapshot);
  });

  it('is found where the variables say', async () => {
    vi.stubEnv('HF_HUB_CACHE', '');
    vi.stubEnv('HF_HOME', join(root, 'home'));
    mkdirSync(join(root, 'home'));
    symlinkSync(root, join(root, 'home', 'hub'));
    expect((await inspectModel('someone/tiny.sd15')).className).toBe('StableDiffusionPipeline');
    await expect(inspectModel('someone/else')).rejects.toThrow(withCode('MODEL', /someone.else but it does not exist/));
  });

  it('needs a snapshot that is clear', async () => {
    const broken = join(root, 'models--someone--broken');
    mkdirSync(join(broken, 'snapshots'), { recursive: true });
    await expect(inspectModel(broken)).rejects.toThrow(withCode('MODEL', /0 snapshots and no refs.main/));
    symlinkSync(snapshot, join(broken, 'snapshots', 'one'));
    expect((await inspectModel(broken)).className).toBe('StableDiffusionPipeline');
    mkdirSync(join(broken, 'snapshots', 'two'));
    await expect(inspectModel(broken)).rejects.toThrow(withCode('MODEL', /2 snapshots and no refs.main/));
    mkdirSync(join(broken, 'refs'));
    for (const main of ['three', '../../../etc', '']) {
      writeFileSync(join(broken, 'refs', 'main'), main);
      await expect(inspectModel(broken)).rejects.toThrow(withCode('MODEL', /found no snapshot/));
    }
  });
});
