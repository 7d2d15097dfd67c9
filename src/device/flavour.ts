import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { LatinoError } from '../errors.js';
import { packageVersion } from '../package_version.js';
import type { Addon } from './addon.js';
import { findAddon } from './find_addon.js';
import { type Flavour, hasGlibc, PLATFORMS, packageOf, platformOf } from './platforms.js';
import { missingFeatures } from './processor.js';

const require = createRequire(import.meta.url);

/** The flavour that has a device of this name. */
export const flavourOf = (device: string): Flavour => (device.startsWith('cuda') ? 'cuda' : 'cpu');

/**
 * Where the addon that has a device of this name lies.
 *
 * @throws LatinoError as `openAddon` does where it is not there
 */
export function existingAddon(device: string): string {
  const path = findAddon(flavourOf(device));
  if (!path || !existsSync(path)) throw missing(device, path);
  return path;
}

/**
 * Loads the addon that has a device of this name.
 *
 * @throws LatinoError with what to do about it: ERR_LATINO_ADDON, or ERR_LATINO_DEVICE where it is that of GPUs
 */
export function openAddon(device: string): Addon {
  const path = existingAddon(device);
  // Without them its first instruction would end the process.
  const lacking = missingFeatures();
  if (lacking.length > 0)
    throw new LatinoError(
      'ERR_LATINO_ADDON',
      `Expected a processor with AVX2 and what came with it but this one lacks ${lacking.join(', ')}`,
    );
  try {
    const addon = require(path) as Addon;
    addon.setErrorClass(LatinoError);
    return addon;
  } catch (error) {
    throw unusable(device, error as Error);
  }
}

/** The error of an addon that is there and does not work. */
export function unusable(device: string, cause: Error): LatinoError {
  if (flavourOf(device) === 'cuda')
    return new LatinoError(
      'ERR_LATINO_DEVICE',
      `The native addon for ${device} cannot be used (${cause.message}); it needs CUDA 13's cudart, cuFFT and cuBLAS, where LD_LIBRARY_PATH says`,
      { cause },
    );
  const fixes = 'compile it for this machine with: npx latino-native build; or name another ONNX Runtime in LATINO_ORT_LIBRARY';
  return new LatinoError('ERR_LATINO_ADDON', `The native addon cannot be used (${cause.message}); ${fixes}`, { cause });
}

/** The error of an addon that is nowhere: `path` is where the environment says that it is. */
export function missing(device: string, path?: string, platform = machine(flavourOf(device))): LatinoError {
  const cuda = flavourOf(device) === 'cuda';
  const code = cuda ? 'ERR_LATINO_DEVICE' : 'ERR_LATINO_ADDON';
  const build = `compile it with: npx latino-native build${cuda ? ' --cuda' : ''}`;
  if (path) return new LatinoError(code, `Expected the native addon for ${device} at ${path} but there is none; ${build}`);
  const name = packageOf(platform);
  if (PLATFORMS.includes(platform))
    return new LatinoError(
      code,
      `Expected the native addon for ${device} in ${name} but that is not installed; run: npm install ${name}@${packageVersion}; or ${build}`,
    );
  const others = PLATFORMS.filter((each) => each.endsWith('-cuda') === cuda).join(', ');
  return new LatinoError(
    code,
    `Expected a platform with a native addon for ${device} (${others}) but this is ${platform}; ${build}; or use one of those`,
  );
}

/** As an error names it. */
const machine = (flavour: Flavour): string =>
  process.platform === 'linux' && !hasGlibc() ? `${platformOf(flavour)} without glibc` : platformOf(flavour);
