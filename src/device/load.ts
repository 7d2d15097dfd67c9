import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LatinoError } from '../errors.js';
import type { Addon, ImageFunctions } from './addon.js';
import { missingFeatures } from './processor.js';

const require = createRequire(import.meta.url);
const LIBRARY_NAME = /^(libonnxruntime\.so\.\d+|libonnxruntime[\d.]*\.dylib)$/;

let loaded: Addon | undefined;
let isRuntimeOpen = false;

/**
 * The native addon with ONNX Runtime opened, loaded once per process.
 *
 * `LATINO_ADDON` names another addon, `LATINO_ORT_LIBRARY` another ONNX Runtime library.
 *
 * @throws LatinoError ERR_LATINO_ADDON with what to do about it
 */
export function loadAddon(): Addon {
  const addon = load();
  if (!isRuntimeOpen) {
    const library = runtimeLibrary();
    usable(() => addon.openRuntime(library));
  }
  isRuntimeOpen = true;
  return addon;
}

/**
 * What needs no ONNX Runtime, which is then not opened.
 *
 * @throws LatinoError as `loadAddon` does
 */
export const imageFunctions = (): ImageFunctions => load();

function load(): Addon {
  loaded ??= open();
  return loaded;
}

function open(): Addon {
  const path = resolve(process.env.LATINO_ADDON ?? fileURLToPath(new URL('../../build/Release/latino.node', import.meta.url)));
  if (!existsSync(path))
    throw new LatinoError(
      'ERR_LATINO_ADDON',
      `Expected the native addon at ${path} but there is none; build it with: npx cmake-js compile`,
    );
  // Without them its first instruction would end the process.
  const missing = missingFeatures();
  if (missing.length > 0)
    throw new LatinoError(
      'ERR_LATINO_ADDON',
      `Expected a processor with AVX2 and what came with it but this one lacks ${missing.join(', ')}`,
    );
  return usable(() => {
    const addon = require(path) as Addon;
    addon.setErrorClass(LatinoError);
    return addon;
  });
}

function usable<T>(attempt: () => T): T {
  try {
    return attempt();
  } catch (error) {
    const fixes = 'rebuild it for this Node with: npx cmake-js rebuild; or name another ONNX Runtime in LATINO_ORT_LIBRARY';
    throw new LatinoError('ERR_LATINO_ADDON', `The native addon cannot be used (${(error as Error).message}); ${fixes}`, { cause: error });
  }
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
  for (const abi of readdirSync(join(root, 'bin'))) {
    const folder = join(root, 'bin', abi, process.platform, process.arch);
    const name = existsSync(folder) ? readdirSync(folder).find((file) => LIBRARY_NAME.test(file)) : undefined;
    if (name) return join(folder, name);
  }
  throw new LatinoError(
    'ERR_LATINO_ADDON',
    `Expected onnxruntime-node to have a library for ${process.platform} ${process.arch} but it has none`,
  );
}
