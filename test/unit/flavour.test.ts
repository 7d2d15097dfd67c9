import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runApart } from '../../src/device/apart.js';
import { addonPath, openAddon } from '../../src/device/flavour.js';
import { tryGpu } from '../../src/device/try_gpu.js';
import { withCode } from '../support/errors.js';

let folder: string;
const at = (name: string): string => join(folder, name);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'latino-flavour-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** A file that is no addon in the place of one. */
function broken(variable: string): string {
  const path = at('broken.node');
  writeFileSync(path, 'no addon');
  vi.stubEnv(variable, path);
  return path;
}

describe('the addon for GPUs', () => {
  it('lies beside that for CPUs, unless it is named', () => {
    vi.stubEnv('LATINO_ADDON', at('latino.node'));
    expect(addonPath('cuda')).toBe(at('latino-cuda.node'));
    vi.stubEnv('LATINO_CUDA_ADDON', at('other.node'));
    expect([addonPath('cpu'), addonPath('cuda')]).toEqual([at('latino.node'), at('other.node')]);
  });

  it('is an error of the device where it is missing or does not load', () => {
    vi.stubEnv('LATINO_CUDA_ADDON', at('none.node'));
    expect(() => openAddon('cuda:3')).toThrow(withCode('DEVICE', /addon for cuda:3 at .+none\.node but there is none; build it/));
    broken('LATINO_CUDA_ADDON');
    expect(() => openAddon('cuda:3')).toThrow(withCode('DEVICE', /addon for cuda:3 cannot be used .+broken\.node/));
  });

  it('is tried in a process of its own', async () => {
    vi.stubEnv('LATINO_CUDA_ADDON', at('none.node'));
    expect(await tryGpu(at('libonnxruntime.so'))).toMatch(
      /^not used: Expected the native addon for cuda:0 at .+none\.node but there is none/,
    );
    broken('LATINO_CUDA_ADDON');
    expect(await tryGpu(at('libonnxruntime.so'))).toMatch(/^not used: .+broken\.node/);
  });
});

it('a process of its own tells how far it came, and what ended it', async () => {
  expect(await runApart('console.log(process.argv[1])', ['a word'])).toEqual({ lines: ['a word'] });
  expect(await runApart("console.log(1); throw new Error('it is broken')", [])).toEqual({ lines: ['1'], failure: 'it is broken' });
  const { lines, failure } = await runApart("require('fs').writeSync(1, '1'); process.kill(process.pid, 'SIGILL')", []);
  expect({ lines, failure }).toEqual({ lines: ['1'], failure: expect.stringContaining('ended by SIGILL') });
});

it('an addon for CPUs that does not load says how to build one', () => {
  broken('LATINO_ADDON');
  expect(() => openAddon('cpu')).toThrow(withCode('ADDON', /broken\.node.+cmake-js rebuild/));
  vi.stubEnv('LATINO_ADDON', at('none.node'));
  expect(() => openAddon('cpu')).toThrow(withCode('ADDON', /none\.node but there is none; build it/));
});
