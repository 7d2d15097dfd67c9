import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KINDS } from '../../src/operators/registry.js';
import { commandLine, expectRefusal, hasTerminals, onTerminal, portraits, run, runIn } from '../support/cli.js';
import { DEVICE } from '../support/device.js';

const sample = join(portraits, 'samples/03.png');
const COMMANDS = ['restore', 'calibrate', 'degrade', 'eval', 'inspect', 'doctor', 'demo'];

let folder: string;
const at = (name: string): string => join(folder, name);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'latino-cli-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('latino-native', () => {
  it('degrades, restores and evaluates a file', async () => {
    const task = ['--task', 'SR:8', '--sigma', '0.01'];
    expect(await run('degrade', sample, ...task, '-o', at('small.png'))).toEqual({
      status: 0,
      stdout: `${at('small.png')}: 16 × 16\n`,
      stderr: '',
    });
    const restored = await run(
      'restore',
      at('small.png'),
      ...task,
      '--model',
      'portraits',
      '--seed',
      '1',
      '-o',
      at('restored.png'),
      '--json',
    );
    expect(restored).toMatchObject({ status: 0, stderr: '' });
    const files = { input: at('small.png'), output: at('restored.png') };
    expect(JSON.parse(restored.stdout)).toEqual({
      ...files,
      width: 128,
      height: 128,
      seconds: expect.any(Number),
      device: DEVICE,
      warnings: [],
      record: expect.objectContaining({ seed: 1, sigma: 0.01, sigmaEstimated: false }),
    });
    const { status, stdout } = await run('eval', at('restored.png'), sample, '--json');
    expect(status).toBe(0);
    const score = JSON.parse(stdout) as { psnr: number; ssim: number };
    expect(score.psnr).toBeGreaterThan(24.5);
    expect(score.ssim).toBeGreaterThan(0.8);
  });

  it('takes the images of two folders', async () => {
    const { status, stdout } = await run('eval', join(portraits, 'samples'), join(portraits, 'samples'));
    expect(status).toBe(0);
    expect(stdout).toMatch(/03\.png {2}PSNR Infinity dB {2}SSIM 1\.0000\n.*mean of \d+ /s);
  });

  it('writes 16 bits where they are asked for', async () => {
    const args = ['--task', 'denoise', '--sigma', '0', '--bit-depth', '16', '-o', at('deep.png'), '--json'];
    const { stdout } = await run('degrade', sample, ...args);
    expect(JSON.parse(stdout)).toEqual({ input: sample, output: at('deep.png'), width: 128, height: 128 });
    expect(await sharp(at('deep.png')).metadata()).toMatchObject({ depth: 'ushort' });
  });

  it('shows a model', async () => {
    const unet = expect.objectContaining({ name: 'unet', className: 'UNet2DConditionModel' });
    expect(JSON.parse((await run('inspect', 'portraits', '--json')).stdout)).toMatchObject({ components: expect.arrayContaining([unet]) });
    expect((await run('inspect', 'portraits')).stdout).toMatch(/unet +UNet2DConditionModel +11\.71 M parameters/);
  });

  it('predicts what a picture of some size takes', async () => {
    const predicted = async (size: string) => JSON.parse((await run('inspect', 'portraits', '--size', size, '--json')).stdout).prediction;
    const [small, large] = [await predicted('128x128'), await predicted('384x128')];
    expect(small).toMatchObject({ width: 128, height: 128, windows: 1, secondsPerStep: expect.any(Number) });
    expect(large.windows).toBeGreaterThan(1);
    expect(large.multiplyAdds).toBeGreaterThan(2 * small.multiplyAdds);
    expect(large.memory).toBeGreaterThan(small.memory);
    expect((await run('inspect', 'portraits', '--size', '384x128')).stdout).toMatch(
      /^a picture of 384 × 128, in \d windows: about [\d.]+ s a step on this CPU, [\d.]+ MiB of memory \(estimates\)$/m,
    );
    expectRefusal(await run('inspect', 'portraits', '--size', '0x128'), 'ARGUMENT', /size\.width/);
    expect((await run('inspect', 'portraits', '--size', 'large')).stderr).toMatch(
      /argument 'large' is invalid; expected two numbers such as 512x512/,
    );
  });
});

describe('--result', () => {
  it('is chosen by the library where it is not given', async () => {
    await run('degrade', sample, '--task', 'sr:2', '--sigma', '0.05', '-o', at('half.png'));
    const bytes = async (...more: string[]): Promise<Buffer> => {
      const args = [
        'restore',
        at('half.png'),
        '--task',
        'denoise',
        '--sigma',
        '0.05',
        '--steps',
        '1',
        '--model',
        'portraits',
        '-o',
        at('chosen.png'),
        ...more,
      ];
      expect(await run(...args)).toMatchObject({
        status: 0,
        stderr: expect.stringMatching(/^latino-native: warning: .+UNKNOWN_IMAGE\]\n$/),
      });
      return readFileSync(at('chosen.png'));
    };
    const chosen = await bytes();
    expect(await bytes('--result', 'proximal')).toEqual(chosen);
    expect(await bytes('--result', 'decoded')).not.toEqual(chosen);
  });
});

describe('help', () => {
  it('is there for every command, and without one', async () => {
    const { status, stdout } = await run('--help');
    expect(status).toBe(0);
    for (const command of COMMANDS) {
      expect(stdout).toContain(`\n  ${command} [options]`);
      const help = await run(command, '--help');
      expect(help).toEqual({ status: 0, stdout: expect.stringContaining(`Usage: latino-native ${command}`), stderr: '' });
      expect(await run('help', command)).toEqual(help);
    }
    expect(await run()).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringMatching(/Usage: .*Expected a command; see --help/s),
    });
  });

  it.each(['restore', 'calibrate', 'degrade'])('of %s has every spelling of every operator', async (command) => {
    const { stdout } = await run(command, '--help');
    const spellings = KINDS.flatMap((kind) => kind.spellings);
    expect(spellings.length).toBeGreaterThan(KINDS.length);
    for (const { example, help } of spellings) expect(stdout).toContain(`  ${example.padEnd(23)}  ${help}\n`);
  });
});

describe('progress', () => {
  const restore = (...more: string[]): string[] => {
    return [
      'restore',
      sample,
      '--task',
      'denoise',
      '--sigma',
      '0.1',
      '--steps',
      '2',
      '--model',
      'portraits',
      '-o',
      at('denoised.png'),
      ...more,
    ];
  };
  const BAR = /[█░]{30}/;

  it('is a bar on a terminal, from the load on, and one line of result elsewhere', async () => {
    const line = /^[^\n]+denoised\.png: 128 × 128, [\d.]+ s\n$/;
    expect(await run(...restore())).toEqual({ status: 0, stdout: expect.stringMatching(line), stderr: '' });
    const shown = await runIn({ terminal: true }, ...restore());
    expect(shown).toMatchObject({ status: 0, stdout: expect.stringMatching(line) });
    expect(shown.stderr).toMatch(/03\.png ░{30} loading.*█{30} step 2 of 2/s);
    expect((await runIn({ terminal: true }, ...restore('--json'))).stderr).toBe('');
  });

  it.skipIf(!hasTerminals)('is a bar on the terminal of a process', async () => {
    const { status, screen } = await onTerminal([...commandLine, ...restore()]);
    expect(status).toBe(0);
    expect(screen).toMatch(BAR);
    expect(screen).toContain('128 × 128');
    expect((await onTerminal([...commandLine, ...restore('--json')])).screen).not.toMatch(BAR);
  });
});

describe('warnings', () => {
  const long = ['--prompt', 'a portrait of a person with '.concat('long brown hair, '.repeat(40))];
  const task = [sample, '--task', 'denoise', '--sigma', '0.1', ...long];
  const restore = ['restore', ...task, '--steps', '1', '-o'];
  const line = /^latino-native: warning: The prompt has \d+ tokens more .+ \[WARN_LATINO_PROMPT_CUT\]\n$/;
  const warnings = [{ code: 'WARN_LATINO_PROMPT_CUT', message: expect.stringContaining('tokens more') }];

  it('are a line each on standard error, above the bar where there is one', async () => {
    expect(await run(...restore, at('a.png'))).toMatchObject({ status: 0, stderr: expect.stringMatching(line) });
    const { stderr } = await runIn({ terminal: true }, ...restore, at('a.png'));
    expect(stderr).toMatch(/loading.*latino-native: warning: [^\n]+\n.*step 1 of 1/s);
  });

  it('are an array of the JSON of restore and calibrate', async () => {
    const restored = await run(...restore, at('a.png'), '--json');
    expect(restored).toMatchObject({ status: 0, stderr: '' });
    expect(JSON.parse(restored.stdout)).toMatchObject({ warnings });
    const calibrated = await run('calibrate', ...task, '--passes', '1', '-o', at('c.safetensors'), '--json');
    expect(calibrated).toMatchObject({ status: 0, stderr: '' });
    expect(JSON.parse(calibrated.stdout)).toMatchObject({ warnings });
  });
});
