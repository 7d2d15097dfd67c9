import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LatinoError } from '../errors.js';
import { packageVersion } from '../package_version.js';
import { type Flavour, packageOf, platformOf } from './platforms.js';

const require = createRequire(import.meta.url);
const FILES: Readonly<Record<Flavour, string>> = { cpu: 'latino.node', cuda: 'latino-cuda.node' };

/** The root of this package, from src and from dist: of a checkout, or in somebody's node_modules. */
export const PACKAGE_ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Where a build of this package's sources is put, by a checkout's `make build` and by `latino-native build`. */
export const builtAddon = (flavour: Flavour): string => join(PACKAGE_ROOT, 'build', 'Release', FILES[flavour]);

/**
 * Where a flavour's addon lies. Looked for in this order:
 *
 * 1. where the environment says: `LATINO_ADDON` for CPUs; `LATINO_CUDA_ADDON` for GPUs, else `latino-cuda.node` beside `LATINO_ADDON`;
 * 2. a build of this package's sources;
 * 3. the platform's package.
 *
 * `undefined` where there is neither build nor package.
 *
 * @throws LatinoError ERR_LATINO_ADDON where the platform's package is of another version than this one
 */
export function findAddon(flavour: Flavour): string | undefined {
  const { LATINO_ADDON, LATINO_CUDA_ADDON } = process.env;
  if (flavour === 'cpu' && LATINO_ADDON) return resolve(LATINO_ADDON);
  if (flavour === 'cuda' && LATINO_CUDA_ADDON) return resolve(LATINO_CUDA_ADDON);
  if (flavour === 'cuda' && LATINO_ADDON) return join(dirname(resolve(LATINO_ADDON)), FILES.cuda);
  const built = builtAddon(flavour);
  return existsSync(built) ? built : packagedAddon(packageOf(platformOf(flavour)), FILES[flavour]);
}

/** The addon in a platform's package, which is looked for as `require` does. */
export function packagedAddon(name: string, file: string, { resolve: find } = require): string | undefined {
  let manifest: string;
  try {
    manifest = find(`${name}/package.json`);
  } catch {
    return undefined;
  }
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  if (version !== packageVersion)
    throw new LatinoError(
      'ERR_LATINO_ADDON',
      `Expected ${name} of latino-native's version, ${packageVersion}, but received ${version}; run: npm install ${name}@${packageVersion}`,
    );
  return join(dirname(manifest), file);
}
