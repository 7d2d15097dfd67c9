import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandLine, execute, portraits, run } from '../support/cli.js';

const sample = join(portraits, 'samples/03.png');

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

  const onTerminal = process.platform === 'linux' && existsSync('/usr/bin/script');
  it.skipIf(!onTerminal)('shows a bar on a terminal and one line elsewhere', async () => {
    const args = ['restore', sample, '--task', 'denoise', '--sigma', '0.1', '--steps', '2', '-o', at('denoised.png')];
    const quiet = await run(...args);
    expect(quiet).toEqual({ status: 0, stdout: expect.stringMatching(/^[^\n]+denoised\.png: 128 × 128, [\d.]+ s\n$/), stderr: '' });
    const terminal = (more: string) => execute(['script', '-qec', `${[...commandLine, ...args].join(' ')} ${more}`, '/dev/null']);
    const shown = await terminal('');
    expect(shown).toMatchObject({ status: 0, stdout: expect.stringMatching(/[█░]{30} step \d of 2/) });
    expect((await terminal('--json')).stdout).not.toContain('step ');
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
});
