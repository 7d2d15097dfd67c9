import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runApart } from '../../src/device/apart.js';
import { findAddon, packagedAddon } from '../../src/device/find_addon.js';
import { missing, openAddon } from '../../src/device/flavour.js';
import { tryGpu } from '../../src/device/try_gpu.js';
import { packageVersion } from '../../src/package_version.js';
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
    vi.stubEnv('LATINO_CUDA_ADDON', undefined);
    vi.stubEnv('LATINO_ADDON', at('latino.node'));
    expect(findAddon('cuda')).toBe(at('latino-cuda.node'));
    vi.stubEnv('LATINO_CUDA_ADDON', at('other.node'));
    expect([findAddon('cpu'), findAddon('cuda')]).toEqual([at('latino.node'), at('other.node')]);
  });

  it('is an error of the device where it is missing or does not load', () => {
    vi.stubEnv('LATINO_CUDA_ADDON', at('none.node'));
    expect(() => openAddon('cuda:3')).toThrow(withCode('DEVICE', /addon for cuda:3 at .+none\.node but there is none; compile it/));
    broken('LATINO_CUDA_ADDON');
    expect(() => openAddon('cuda:3')).toThrow(withCode('DEVICE', /addon for cuda:3 cannot be used .+broken\.node/));
  });

  it('is tried in a process of its own', async () => {
    vi.stubEnv('LATINO_CUDA_ADDON', at('none.node'));
    expect(await tryGpu(at('libonnxruntime.so'))).toMatch(
      /^not used: Expected the native addon for cuda:0 at .+none\.node but there is none; compile it with: npx latino-native build --cuda$/,
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
  expect(() => openAddon('cpu')).toThrow(withCode('ADDON', /broken\.node.+compile it for this machine with: npx latino-native build/));
  vi.stubEnv('LATINO_ADDON', at('none.node'));
  expect(() => openAddon('cpu')).toThrow(withCode('ADDON', /none\.node but there is none; compile it/));
});

it('an addon is looked for where the environment says, then among builds, then in the package of the platform', () => {
  vi.stubEnv('LATINO_ADDON', at('latino.node'));
  expect(findAddon('cpu')).toBe(at('latino.node'));
  vi.stubEnv('LATINO_ADDON', undefined);
  expect(findAddon('cpu')).toMatch(/build\/Release\/latino\.node$/); // a checkout has one
});

describe('the package of a platform', () => {
  const install = (version: string): NodeJS.Require => {
    mkdirSync(at('node_modules/@latino-native/linux-x64'), { recursive: true });
    writeFileSync(at('node_modules/@latino-native/linux-x64/package.json'), JSON.stringify({ version }));
    return createRequire(at('index.js'));
  };
  const find = (require: NodeJS.Require): string | undefined => packagedAddon('@latino-native/linux-x64', 'latino.node', require);

  it('is found where Node finds packages, or is not there', () => {
    expect(find(createRequire(at('index.js')))).toBeUndefined();
    expect(find(install(packageVersion))).toBe(at('node_modules/@latino-native/linux-x64/latino.node'));
  });

  it('is refused where it is of another version', () => {
    const fix = `received 0\\.0\\.9; run: npm install @latino-native/linux-x64@${packageVersion}$`;
    expect(() => find(install('0.0.9'))).toThrow(withCode('ADDON', new RegExp(fix)));
  });

  it('that is not there is said in a sentence with two ways out', () => {
    expect(missing('cpu', undefined, 'linux-arm64').message).toBe(
      `Expected the native addon for cpu in @latino-native/linux-arm64 but that is not installed; run: npm install @latino-native/linux-arm64@${packageVersion}; or compile it with: npx latino-native build`,
    );
    expect(missing('cpu', undefined, 'linux-riscv64')).toEqual(
      withCode(
        'ADDON',
        /\(linux-x64, linux-arm64, darwin-arm64\) but this is linux-riscv64; compile it with: npx latino-native build; or use one of those$/,
      ),
    );
    expect(missing('cuda:0', undefined, 'linux-arm64-cuda')).toEqual(
      withCode('DEVICE', /cuda:0 \(linux-x64-cuda\) but this is linux-arm64-cuda; .+ build --cuda/),
    );
  });
});
