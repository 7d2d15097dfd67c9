import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { Interruption, processInterruption } from '../../src/cli/interruption.js';
import { Latino } from '../../src/index.js';
import { CTRL_C, commandLine, hasTerminals, onTerminal, portraits, run, runIn, type Terminal } from '../support/cli.js';

const sample = join(portraits, 'samples/03.png');
const folder = mkdtempSync(join(tmpdir(), 'latino-signals-'));
/** Holds what the command line writes: nothing, in every test here. */
const outputs = join(folder, 'outputs');
const output = join(outputs, 'restored.png');
const restore = ['restore', sample, '--task', 'sr:4', '--sigma', '0.1', '--steps', '50', '-o', output];
/** Of 1000 passes, each of many steps: minutes. */
const calibrate = ['calibrate', sample, '--task', 'denoise', '--sigma', '0.1', '--passes', '1000', '-o', join(outputs, 'c.safetensors')];

beforeAll(() => mkdirSync(outputs));
afterEach(() => {
  vi.restoreAllMocks();
  expect(readdirSync(outputs)).toEqual([]);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Does something the first time that the screen shows the text. */
function once(text: string, act: (terminal: Terminal) => void): (terminal: Terminal) => void {
  let done = false;
  return (terminal) => {
    if (done || !terminal.screen.includes(text)) return;
    done = true;
    act(terminal);
  };
}

describe.skipIf(!hasTerminals)('a process', () => {
  it.each([
    ['Ctrl-C', 'a restoration', restore, 'step ', 130, 'SIGINT', ({ type }: Terminal) => type(CTRL_C)],
    ['Ctrl-C', 'a calibration', calibrate, 'pass ', 130, 'SIGINT', ({ type }: Terminal) => type(CTRL_C)],
    ['SIGTERM', 'a restoration', restore, 'step ', 143, 'SIGTERM', ({ pid }: Terminal) => process.kill(pid, 'SIGTERM')],
    ['SIGTERM', 'a calibration', calibrate, 'pass ', 143, 'SIGTERM', ({ pid }: Terminal) => process.kill(pid, 'SIGTERM')],
  ])('ends in order at %s in the middle of %s', async (_key, _what, command, when, status, signal, act) => {
    const ended = await onTerminal([...commandLine, ...command], once(when, act));
    expect(ended.status).toBe(status);
    expect(ended.screen).toContain(`latino-native: Interrupted by ${signal} [ABORT_ERR]`);
  });

  it('ends at once at the second Ctrl-C', async () => {
    const model = join(folder, 'model');
    cpSync(portraits, model, { recursive: true });
    const weights = join(model, 'unet/diffusion_pytorch_model.safetensors');
    rmSync(weights);
    execFileSync('mkfifo', [weights]); // Whoever reads it waits for ever: nothing ends this load in order.
    const first = once('loading', ({ type }) => type(CTRL_C));
    const second = once('stopping', ({ type }) => type(CTRL_C));
    const ended = await onTerminal([...commandLine, ...restore, '--model', model], (terminal) => {
      first(terminal);
      second(terminal);
    });
    expect(ended.status).toBe(130);
    expect(ended.screen).toContain('stopping');
  });
});

describe('an interruption', () => {
  const interrupted = { status: 143, stdout: '', stderr: expect.stringContaining('Interrupted by SIGTERM [ABORT_ERR]') };

  it('stops a load, which the bar shows from the start', async () => {
    const load = vi.spyOn(Latino, 'load');
    const controller = new AbortController();
    const watch = (stderr: string): void => {
      if (stderr.includes('loading')) controller.abort(new Interruption('SIGTERM'));
    };
    expect(await runIn({ terminal: true, signal: controller.signal, watch }, ...restore)).toEqual(interrupted);
    await expect(load.mock.results[0]!.value).rejects.toBe(controller.signal.reason);
  });

  it('stops a degradation', async () => {
    const signal = AbortSignal.abort(new Interruption('SIGTERM'));
    expect(await runIn({ signal }, 'degrade', sample, '--task', 'denoise', '--sigma', '0.1', '-o', output)).toEqual(interrupted);
  });

  it('stops a demonstration', async () => {
    const signal = AbortSignal.abort(new Interruption('SIGTERM'));
    expect(await runIn({ signal }, 'demo', '-o', join(folder, 'demo'))).toEqual({ ...interrupted, stdout: '' });
  });

  it('is listened to once, and by commands that end in order alone', async () => {
    const listeners = (): number[] => ['SIGINT', 'SIGTERM'].map((name) => process.listenerCount(name));
    const before = listeners();
    const signal = processInterruption();
    expect(listeners()).toEqual(before.map((count) => count + 1));
    process.emit('SIGINT', 'SIGINT');
    expect(signal.reason).toMatchObject({ name: 'AbortError', status: 130 });
    expect(listeners()).toEqual(before);
    await run('doctor');
    expect(listeners()).toEqual(before);
  });
});
