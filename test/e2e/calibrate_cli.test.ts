import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Embedding, estimateSigma, superResolution } from '../../src/index.js';
import { expectRefusal, portraits, run } from '../support/cli.js';

const folder = mkdtempSync(join(tmpdir(), 'latino-calibrate-cli-'));
const at = (name: string): string => join(folder, name);
const task = ['--task', 'sr:8', '--sigma', '0.01'];
const passes = [1, 2].map((pass) => ({ pass, passes: 2, surrogate: expect.any(Number), distance: expect.any(Number) }));

beforeAll(async () => {
  for (const name of ['00', '03']) await run('degrade', join(portraits, `samples/${name}.png`), ...task, '-o', at(`${name}.png`));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('latino-native restore --calibrate', () => {
  it('restores, keeps the embedding, draws the curves; --embedding gives the same image', async () => {
    const brief = ['restore', at('03.png'), ...task, '--steps', '3', '--seed', '2'];
    const calibrate = ['--calibrate', '--calibrate-passes', '2', '--save-embedding', at('c.safetensors'), '--report', at('curve.png')];
    const { status, stdout, stderr } = await run(...brief, ...calibrate, '-o', at('a.png'), '--json');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const { calibration, width } = JSON.parse(stdout) as { calibration: object; width: number };
    expect(width).toBe(128);
    expect(calibration).toEqual({ passes, embedding: at('c.safetensors'), report: at('curve.png') });
    expect((await sharp(at('curve.png')).metadata()).format).toBe('png');
    expect(await run(...brief, '--embedding', at('c.safetensors'), '-o', at('b.png'))).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(at('b.png'))).toEqual(readFileSync(at('a.png')));
  });

  it('leaves the file name that follows --calibrate alone', async () => {
    const args = ['restore', '--calibrate', at('03.png'), ...task, '--steps', '1', '--calibrate-passes', '1', '-o', at('first.png')];
    expect(await run(...args)).toMatchObject({ status: 0, stderr: '' });
  });

  it('takes the name of a preset, and says in a line what came of it', async () => {
    const preset = ['--calibrate', '--calibrate-preset', 'official', '--calibrate-passes', '1'];
    const args = ['restore', at('03.png'), ...task, '--steps', '1', ...preset];
    const { status, stdout, stderr } = await run(...args, '-o', at('official.png'));
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/official\.png: 128 × 128, .+ s\ncalibration: 1 pass, distance [\d.]+, surrogate -[\d.]+ at the first/);
  });
});

describe('latino-native calibrate', () => {
  it('calibrates one embedding on several measurements', async () => {
    const inputs = [at('00.png'), at('03.png')];
    const more = ['--prompt', 'a portrait', '--passes', '2', '--report', at('curve.svg')];
    const { status, stdout, stderr } = await run('calibrate', ...inputs, ...task, ...more, '-o', at('people.safetensors'), '--json');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({
      inputs,
      sigmas: [0.01, 0.01],
      sigmaEstimated: false,
      output: at('people.safetensors'),
      report: at('curve.svg'),
      calibration: { passes },
    });
    expect((await Embedding.load(at('people.safetensors'))).source.prompt).toBe('a portrait');
    expect(readFileSync(at('curve.svg'), 'utf8')).toContain('surrogate of the log marginal likelihood');
  });

  it('says what noise it found in each', async () => {
    const inputs = [at('00.png'), at('03.png')];
    const args = ['calibrate', ...inputs, '--task', 'sr:8', '--passes', '1', '-o', at('auto.safetensors')];
    const { sigmas, sigmaEstimated } = JSON.parse((await run(...args, '--json')).stdout) as { sigmas: number[]; sigmaEstimated: boolean };
    const found = await Promise.all(inputs.map((input) => estimateSigma(input, { operator: superResolution({ factor: 8 }) })));
    expect({ sigmas, sigmaEstimated }).toEqual({ sigmas: found.map(({ sigma }) => sigma), sigmaEstimated: true });
    const [low, high] = sigmas.toSorted((a, b) => a - b).map((sigma) => sigma.toPrecision(2));
    expect(low).not.toBe(high);
    expect((await run(...args)).stdout).toContain(`auto.safetensors: 2 measurements, noise ${low} to ${high} (estimated), 1 pass,`);
  });

  it('explains itself', async () => {
    const { status, stdout } = await run('calibrate', '--help');
    expect(status).toBe(0);
    for (const part of ['Usage: latino-native calibrate', 'Examples:', '--embedding people.safetensors']) expect(stdout).toContain(part);
  });
});

describe('bad input is one sentence with a code, status 2, and nothing written', () => {
  const restore = (...args: string[]) => ['restore', at('03.png'), ...task, ...args, '-o', at('never.png')];
  const calibrate = (...args: string[]) => ['calibrate', at('03.png'), ...task, ...args, '-o', at('never.safetensors')];
  it.each<[string, string, RegExp, () => string[]]>([
    ['passes without a calibration', 'ARGUMENT', /Expected --calibrate where --calibrate-passes/, () => restore('--calibrate-passes', '2')],
    ['nothing to save', 'ARGUMENT', /where --save-embedding is given/, () => restore('--save-embedding', at('never'))],
    ['nothing to report', 'ARGUMENT', /where --report is given/, () => restore('--report', at('never.svg'))],
    [
      'an unknown preset',
      'ARGUMENT',
      /Expected best or official for preset but received 'fast'/,
      () => restore('--calibrate', '--calibrate-preset', 'fast'),
    ],
    ['a preset without a calibration', 'ARGUMENT', /where --calibrate-preset is given/, () => restore('--calibrate-preset', 'best')],
    ['a word after --calibrate', 'ARGUMENT', /too many arguments/, () => restore('--calibrate', 'official')],
    ['passes that are no number', 'ARGUMENT', /for passes but/, () => restore('--calibrate', '--calibrate-passes', 'few')],
    ['too many passes', 'ARGUMENT', /passes but received 1001/, () => restore('--calibrate', '--calibrate-passes', '1001')],
    ['a report as JPEG', 'OUTPUT', /\.svg or \.png/, () => restore('--calibrate', '--report', at('never.jpg'))],
    ['no folder to save in', 'OUTPUT', /does not exist/, () => restore('--calibrate', '--save-embedding', at('none/c.safetensors'))],
    ['a missing embedding', 'EMBEDDING', /Expected a readable file/, () => restore('--embedding', at('none.safetensors'))],
    ['an image as embedding', 'EMBEDDING', /03\.png states a header/, () => restore('--embedding', at('03.png'))],
    ['weights as embedding', 'EMBEDDING', /no tensor prompt_embeds/, () => restore('--embedding', join(portraits, 'unet', UNET))],
    ['an embedding of another model', 'EMBEDDING', /expected \[1, 32, 128\] for this model/, () => restore('--embedding', at('sd15'))],
    ['a preset of calibrate', 'ARGUMENT', /Expected best or official for preset but received 'fast'/, () => calibrate('--preset', 'fast')],
    ['passes of calibrate', 'ARGUMENT', /passes but received 0/, () => calibrate('--passes', '0')],
    ['a measurement that is missing', 'IMAGE', /no such file/, () => calibrate(at('none.png'))],
  ])('%s', async (_what, code, says, args) => {
    await new Embedding(new Float32Array(77 * 768), [1, 77, 768]).save(at('sd15'));
    const before = readdirSync(folder);
    expectRefusal(await run(...args()), code, says);
    expect(readdirSync(folder)).toEqual(before);
  });
});

const UNET = 'diffusion_pytorch_model.safetensors';
