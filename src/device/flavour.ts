import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LatinoError } from '../errors.js';
import type { Addon, Device } from './addon.js';
import { missingFeatures } from './processor.js';

/** What an addon is built for: it has devices of one kind. */
export type Flavour = Device['kind'];

const require = createRequire(import.meta.url);

/** The flavour that has a device of this name. */
export const flavourOf = (device: string): Flavour => (device.startsWith('cuda') ? 'cuda' : 'cpu');

/** Where a flavour's addon lies: `LATINO_ADDON` names another one for CPUs, `LATINO_CUDA_ADDON` for GPUs, which else lies beside it. */
export function addonPath(flavour: Flavour): string {
  const { LATINO_ADDON, LATINO_CUDA_ADDON } = process.env;
  const ofCpu = resolve(LATINO_ADDON ?? fileURLToPath(new URL('../../build/Release/latino.node', import.meta.url)));
  return flavour === 'cpu' ? ofCpu : resolve(LATINO_CUDA_ADDON ?? join(dirname(ofCpu), 'latino-cuda.node'));
}

/**
 * Where the addon that has a device of this name lies.
 *
 * @throws LatinoError as `openAddon` does where it is not there
 */
export function existingAddon(device: string): string {
  const path = addonPath(flavourOf(device));
  if (!existsSync(path)) throw missing(device, path);
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
  const fixes = 'rebuild it for this Node with: npx cmake-js rebuild; or name another ONNX Runtime in LATINO_ORT_LIBRARY';
  return new LatinoError('ERR_LATINO_ADDON', `The native addon cannot be used (${cause.message}); ${fixes}`, { cause });
}

const missing = (device: string, path: string): LatinoError =>
  flavourOf(device) === 'cuda'
    ? new LatinoError(
        'ERR_LATINO_DEVICE',
        `Expected the native addon for ${device} at ${path} but there is none; build it with: npx cmake-js compile --CDLATINO_CUDA=ON`,
      )
    : new LatinoError('ERR_LATINO_ADDON', `Expected the native addon at ${path} but there is none; build it with: npx cmake-js compile`);
