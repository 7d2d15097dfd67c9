import { execFile } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const portraits = join(root, 'models/portraits-lcm');
const sample = join(portraits, 'samples/03.png');

interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the built command line, as a person's shell does. */
function run(...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [join(root, 'dist/cli/main.js'), ...args], (error, stdout, stderr) => {
      resolve({ status: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout, stderr });
    });
  });
}

describe('latino-native', () => {
  let folder: string;
  const at = (name: string): string => join(folder, name);
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'latino-cli-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('degrades, restores and evaluates a file', async () => {
    expect(await run('degrade', sample, '--task', 'sr:8', '--sigma', '0.01', '-o', at('small.png'))).toMatchObject({
      status: 0,
      stderr: '',
    });
    const restored = await run(
      'restore',
      at('small.png'),
      '--task',
      'sr:8',
      '--sigma',
      '0.01',
      '--seed',
      '1',
      '-o',
      at('restored.png'),
      '--json',
    );
    expect(restored).toMatchObject({ status: 0, stderr: '' });
    expect(JSON.parse(restored.stdout)).toMatchObject({ width: 128, height: 128 });
    const { status, stdout } = await run('eval', at('restored.png'), sample, '--json');
    expect(status).toBe(0);
    const score = JSON.parse(stdout) as { psnr: number; ssim: number };
    expect(score.psnr).toBeGreaterThan(24.5);
    expect(score.ssim).toBeGreaterThan(0.8);
  });

  it('explains itself', async () => {
    for (const command of ['restore', 'degrade', 'eval', 'inspect', 'demo']) {
      const { status, stdout } = await run(command, '--help');
      expect(status).toBe(0);
      expect(stdout).toContain('Usage: latino-native');
    }
    expect(JSON.parse((await run('doctor', '--json')).stdout)).toMatchObject({
      node: process.version,
      onnxruntime: expect.stringMatching(/^1\./),
    });
    const inspected = await run('inspect', '--json');
    expect(JSON.parse(inspected.stdout)).toMatchObject({
      components: expect.arrayContaining([expect.objectContaining({ name: 'unet', className: 'UNet2DConditionModel' })]),
    });
  });

  const restoreTo = (output: string, input: string, ...rest: string[]): Promise<Outcome> =>
    run('restore', input, '--sigma', '0.01', '-o', at(output), ...rest);

  it.each<[string, string, () => Promise<Outcome>]>([
    ['missing image', 'ERR_LATINO_IMAGE', () => restoreTo('bad.png', at('missing.png'), '--task', 'sr:8')],
    [
      'corrupt image',
      'ERR_LATINO_IMAGE',
      () => {
        writeFileSync(at('corrupt.png'), 'not a picture');
        return restoreTo('bad.png', at('corrupt.png'), '--task', 'sr:8');
      },
    ],
    ['unknown operator', 'ERR_LATINO_OPERATOR', () => restoreTo('bad.png', sample, '--task', 'sharpen:2')],
    ['factor out of range', 'ERR_LATINO_OPERATOR', () => restoreTo('bad.png', sample, '--task', 'sr:64')],
    [
      'mask of another size',
      'ERR_LATINO_SHAPE',
      () => restoreTo('bad.png', join(portraits, 'samples/01.png'), '--task', `inpaint:${at('small.png')}`),
    ],
    ['sigma out of range', 'ERR_LATINO_ARGUMENT', () => run('restore', sample, '--task', 'denoise', '--sigma', '7', '-o', at('bad.png'))],
    ['folder that is no model', 'ERR_LATINO_MODEL', () => restoreTo('bad.png', sample, '--task', 'denoise', '--model', folder)],
    [
      'image that the factor does not divide',
      'ERR_LATINO_SHAPE',
      () => run('degrade', sample, '--task', 'sr:7', '--sigma', '0.01', '-o', at('bad.png')),
    ],
    ['folder that is not there', 'ERR_LATINO_OUTPUT', () => restoreTo('no/such/bad.png', sample, '--task', 'denoise')],
    ['unknown format', 'ERR_LATINO_OUTPUT', () => restoreTo('bad.xyz', sample, '--task', 'denoise')],
    [
      'truncated weights',
      'ERR_LATINO_MODEL',
      () => {
        cpSync(portraits, at('truncated'), { recursive: true });
        chmodSync(at('truncated/unet/diffusion_pytorch_model.safetensors'), 0o644);
        truncateSync(at('truncated/unet/diffusion_pytorch_model.safetensors'), 100_000);
        return restoreTo('bad.png', sample, '--task', 'denoise', '--model', at('truncated'));
      },
    ],
    [
      'pickled weights only',
      'ERR_LATINO_MODEL',
      () => {
        cpSync(portraits, at('pickled'), { recursive: true });
        rmSync(at('pickled/unet/diffusion_pytorch_model.safetensors'));
        writeFileSync(at('pickled/unet/diffusion_pytorch_model.bin'), '');
        return restoreTo('bad.png', sample, '--task', 'denoise', '--model', at('pickled'));
      },
    ],
  ])('%s: one sentence with %s, status 2, nothing written', async (_what, code, attempt) => {
    const { status, stdout, stderr } = await attempt();
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(stderr).toContain(code);
    expect(readdirSync(folder).filter((name) => name.includes('bad'))).toEqual([]);
  });

  it('writes nothing when the output is a folder', async () => {
    mkdirSync(at('folder.png'));
    expect((await restoreTo('folder.png', sample, '--task', 'denoise')).status).not.toBe(0);
    expect(existsSync(at('folder.png'))).toBe(true);
    expect(readdirSync(at('folder.png'))).toEqual([]);
  });
});
