import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { LatinoError } from '../errors.js';
import { builtAddon, PACKAGE_ROOT } from './find_addon.js';

const require = createRequire(import.meta.url);
const NEEDS = 'CMake, a C++20 compiler and Eigen 3.4 are needed (Debian: cmake g++ libeigen3-dev; Homebrew: cmake eigen)';

export interface BuildOptions {
  /** That for GPUs too, which needs CUDA 13 besides. */
  readonly cuda?: boolean;
  /** Gets what CMake and the compiler print, line by line. */
  readonly onOutput?: (line: string) => void;
}

/**
 * Compiles the native addon from the sources in this package, where there is no package with one for this platform, or it does not run. It is loaded
 * from then on, until the package is installed anew. Takes minutes.
 *
 * @returns where it lies
 * @throws LatinoError ERR_LATINO_ADDON when it cannot be compiled, with what is needed
 */
export async function buildAddon({ cuda = false, onOutput = () => undefined }: BuildOptions = {}): Promise<string> {
  const path = builtAddon(cuda ? 'cuda' : 'cpu');
  const build = join(PACKAGE_ROOT, 'build');
  const includes = ['node-api-headers', 'node-addon-api'].map((name) => resolve((require(name) as { include_dir: string }).include_dir));
  await cmake(onOutput, [
    ...['-S', PACKAGE_ROOT, '-B', build, '-DCMAKE_BUILD_TYPE=Release', '-DLATINO_WERROR=OFF', `-DLATINO_CUDA=${cuda ? 'ON' : 'OFF'}`],
    ...['-DCMAKE_JS_VERSION=none', `-DCMAKE_JS_INC=${includes.join(';')}`, `-DCMAKE_LIBRARY_OUTPUT_DIRECTORY=${dirname(path)}`],
  ]);
  const targets = cuda ? ['latino', 'latino-cuda'] : ['latino'];
  await cmake(onOutput, ['--build', build, '--config', 'Release', '--parallel', `${availableParallelism()}`, '--target', ...targets]);
  return path;
}

function cmake(onOutput: (line: string) => void, args: readonly string[]): Promise<void> {
  return new Promise((done, reject) => {
    const failed = (what: string, cause?: Error): void =>
      reject(new LatinoError('ERR_LATINO_ADDON', `The native addon cannot be compiled: ${what}; ${NEEDS}`, { cause }));
    const child = spawn('cmake', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', onOutput);
    child.on('error', (error) =>
      failed((error as NodeJS.ErrnoException).code === 'ENOENT' ? 'cmake is not installed' : error.message, error),
    );
    child.on('close', (status, signal) => (status === 0 ? done() : failed(`cmake ended with ${signal ?? `status ${status}`}`)));
  });
}
