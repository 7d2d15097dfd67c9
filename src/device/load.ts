import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { LatinoError } from '../errors.js';
import type { Addon, ImageFunctions } from './addon.js';
import { flavourOf, openAddon, unusable } from './flavour.js';
import type { Flavour } from './platforms.js';

const require = createRequire(import.meta.url);
const LIBRARY_NAME = /^(libonnxruntime\.so\.\d+|libonnxruntime[\d.]*\.dylib)$/;

const loaded = new Map<Flavour, Addon>();
const withRuntime = new Set<Flavour>();

/**
 * The native addon that has a device of this name, with ONNX Runtime opened, loaded once per process. What it makes is used with no other.
 *
 * `LATINO_ORT_LIBRARY` names another ONNX Runtime library.
 *
 * @throws LatinoError ERR_LATINO_ADDON, or ERR_LATINO_DEVICE where it is that of GPUs, with what to do about it
 */
export function loadAddon(device = 'cpu'): Addon {
  const flavour = flavourOf(device);
  const addon = load(device);
  if (!withRuntime.has(flavour)) {
    const library = runtimeLibrary();
    try {
      addon.openRuntime(library);
    } catch (error) {
      throw unusable(device, error as Error);
    }
    withRuntime.add(flavour);
  }
  return addon;
}

/**
 * What needs no ONNX Runtime, which is then not opened, and no GPU.
 *
 * @throws LatinoError as `loadAddon` does
 */
export const imageFunctions = (): ImageFunctions => load('cpu');

function load(device: string): Addon {
  const flavour = flavourOf(device);
  const addon = loaded.get(flavour) ?? openAddon(device);
  loaded.set(flavour, addon);
  return addon;
}

/** Absolute path of the ONNX Runtime library that the installed onnxruntime-node ships for this platform. */
export function runtimeLibrary(): string {
  const named = process.env.LATINO_ORT_LIBRARY;
  if (named) return named;
  let root: string;
  try {
    root = dirname(require.resolve('onnxruntime-node/package.json'));
  } catch (error) {
    throw new LatinoError('ERR_LATINO_ADDON', 'Expected the package onnxruntime-node but it is not installed; run: npm install', {
      cause: error,
    });
  }
  for (const abi of existsSync(join(root, 'bin')) ? readdirSync(join(root, 'bin')) : []) {
    const folder = join(root, 'bin', abi, process.platform, process.arch);
    const name = existsSync(folder) ? readdirSync(folder).find((file) => LIBRARY_NAME.test(file)) : undefined;
    if (name) return join(folder, name);
  }
  throw new LatinoError(
    'ERR_LATINO_ADDON',
    `Expected onnxruntime-node to have a library for ${process.platform} ${process.arch} but it has none; install it anew`,
  );
}
