import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Image, inspectModel, Latino, type LoadOptions, type ReadingProgress, superResolution } from '../../src/index.js';
import { portraits, run, runIn } from '../support/cli.js';
import { DEVICE } from '../support/device.js';
import { withCode } from '../support/errors.js';
import { goldenPath, goldenSet } from '../support/golden.js';
import { writeRaw } from '../support/raw_safetensors.js';
import { type Parts, partsOfFolder, singleFileTensors } from '../support/single_file.js';
import { type Configs, sd1, sdxl, writeFolder } from '../support/small_checkpoint.js';

const work = mkdtempSync(join(tmpdir(), 'latino-single-file-'));
afterAll(() => rmSync(work, { recursive: true }));

/** What a model makes of a measurement that has every value once. */
async function restored(options: LoadOptions): Promise<Image> {
  const side = 16;
  const data = Float32Array.from({ length: 3 * side * side }, (_, i) => ((i * 7) % 97) / 97);
  await using latino = await Latino.load(options);
  const problem = { operator: superResolution({ factor: 4 }), sigma: 0.05, steps: 2, prompt: "a cat's portrait, naïve", seed: 5 };
  return (await latino.restore({ data, width: side, height: side, channels: 3 }, problem)).image;
}

describe.each<[string, (small: boolean) => Configs]>([
  ['Stable Diffusion 1.x', sd1],
  ['Stable Diffusion XL', sdxl],
])('a checkpoint of %s in a single file', (family, configs) => {
  const name = family.replaceAll(' ', '-');
  const [folder, file] = [join(work, name), join(work, `${name}.safetensors`)];
  let parts: Parts;
  let expected: Image;

  beforeAll(async () => {
    writeFolder(folder, configs(true));
    parts = partsOfFolder(folder);
    writeRaw(file, singleFileTensors(parts));
    expected = await restored({ model: folder });
  });

  it('restores bit for bit as its folder does', async () => {
    expect((await restored({ model: file })).data).toEqual(expected.data);
  });

  it('is inspected as its folder is', async () => {
    const [ofFile, ofFolder] = await Promise.all([inspectModel(file), inspectModel(folder)]);
    expect(ofFile).toMatchObject({ path: file, layout: 'single-file', className: ofFolder.className, use: ofFolder.use });
    expect(ofFile.problem).toBeUndefined();
    const networks = ofFolder.components.filter(({ used }) => used).map(({ bytes: _, ...rest }) => rest);
    expect(ofFile.components.map(({ bytes: _, ...rest }) => rest).sort((a, b) => (a.name < b.name ? -1 : 1))).toEqual(
      networks.sort((a, b) => (a.name < b.name ? -1 : 1)),
    );
    for (const { parameters, bytes } of ofFile.components) expect(bytes).toBe(4 * parameters);
    expect(ofFile.use!.lcmLora).toMatch(/lcm-lora/);
    expect((await run('inspect', file)).stdout.split('\n')[0]).toBe(`${file}: all in one file`);
  });

  it('restores so without an autoencoder of its own, with one from a folder, a file by itself or another checkpoint', async () => {
    const [model, alone, own] = ['without.safetensors', 'vae.safetensors', 'vae'].map((end) => join(work, `${name}-${end}`)) as [
      string,
      string,
      string,
    ];
    writeRaw(model, new Map([...singleFileTensors(parts)].filter(([tensor]) => !tensor.startsWith('first_stage_model.'))));
    writeRaw(alone, parts.vae);
    cpSync(join(folder, 'vae'), own, { recursive: true });
    writeFileSync(join(own, 'config.json'), JSON.stringify({ _class_name: 'AutoencoderKL', ...configs(true).vae }));
    for (const vae of [own, join(own, 'diffusion_pytorch_model.safetensors'), alone, file])
      expect((await restored({ model, vae })).data).toEqual(expected.data);
    await expect(Latino.load({ model })).rejects.toThrow(withCode('MODEL', /found one without a vae/));
    await expect(inspectModel(model)).rejects.toThrow(withCode('MODEL', /found one without a vae/));
    const { use, problem } = await inspectModel(model, { vae: alone });
    expect({ use, problem }).toEqual({ use: (await inspectModel(file)).use, problem: undefined });
    expect((await run('inspect', model, '--vae', own)).stdout).toMatch(/^vae +AutoencoderKL .+ M parameters/m);
    await expect(Latino.load({ model, vae: model })).rejects.toThrow(
      withCode('MODEL', /^Expected an autoencoder .* but it has no encoder/),
    );
  });

  // On a GPU ONNX Runtime reads all of it.
  it.runIf(DEVICE === 'cpu')('tells how much of it has been read, by bytes', async () => {
    const seen: ReadingProgress[] = [];
    await restored({ model: file, onProgress: (progress) => seen.push(progress) });
    const bytes = seen.map((progress) => progress.bytes);
    expect(bytes).toEqual([...bytes].sort((a, b) => a - b));
    const [{ totalBytes }] = seen as [ReadingProgress];
    const ofNetworks = (await inspectModel(file)).components.filter(({ name }) => name === 'unet' || name === 'vae');
    // Nearly all of it: what ONNX Runtime reads itself does not count.
    const share = totalBytes / ofNetworks.reduce((sum, each) => sum + each.bytes, 0);
    expect(share).toBeGreaterThan(0.8);
    expect(share).toBeLessThanOrEqual(1);
    expect(bytes[0]).toBeLessThan(totalBytes);
  });
});

it('shows on the bar how much of a model has been read', async () => {
  const sample = join(portraits, 'samples/03.png');
  const args = ['--task', 'denoise', '--sigma', '0.1', '--steps', '1', '-o', join(work, 'restored.png')];
  const { status, stderr } = await runIn({ terminal: true }, 'restore', sample, ...args);
  expect(status).toBe(0);
  expect(stderr).toMatch(/reading the model, \d[\d.]* [KM]?i?B of [\d.]+ MiB/);
});

// Their widths and heads are those of no published checkpoint, so their configurations come from the folders; outputs of diffusers vouch for those.
describe.each([
  ['tiny-sd15', ['unet', 'vae', 'textEncoder']],
  ['tiny-sdxl', ['unet', 'vae', 'textEncoder', 'textEncoder2']],
] as const)('parts of %s in a single file', (set, names) => {
  goldenSet(set, [`models/${set}`], () => {
    const folder = goldenPath(`models/${set}`);
    /** Its configurations alone, so that every weight has to come from elsewhere. */
    const bare = join(work, set);
    const file = join(work, `${set}.safetensors`);
    const parts = Object.fromEntries(names.map((name) => [name, file]));
    let expected: Image;
    beforeAll(async () => {
      cpSync(folder, bare, { recursive: true, filter: (path) => !path.endsWith('.safetensors') });
      writeRaw(file, singleFileTensors(partsOfFolder(folder)));
      expected = await restored({ model: folder });
    });

    it('restore bit for bit as those of the folder do', async () => {
      expect((await restored({ model: bare, ...parts })).data).toEqual(expected.data);
    });

    it.each(['unet', 'vae'] as const)('do so from a file with the %s alone, as it is shared', async (name) => {
      const alone = join(work, `${set}-${name}.safetensors`);
      writeRaw(alone, partsOfFolder(folder)[name]);
      expect((await restored({ model: bare, ...parts, [name]: alone })).data).toEqual(expected.data);
    });
  });
});
