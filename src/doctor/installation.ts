import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { existingAddon, unusable } from '../device/flavour.js';
import { runtimeLibrary } from '../device/load.js';
import { type AddonTrial, tryAddon } from '../device/try_addon.js';
import { tryGpu } from '../device/try_gpu.js';
import { loadSharp } from '../image/index.js';
import { absent, type Finding, failed, failedOf, ok } from './finding.js';

const require = createRequire(import.meta.url);

export async function sharpFinding(): Promise<Finding> {
  try {
    const { versions } = await loadSharp();
    return ok(`${versions.sharp}, with libvips ${versions.vips}`);
  } catch (error) {
    return failedOf(error);
  }
}

/** The native parts, which depend on one another. */
export interface NativeFindings {
  readonly onnxruntime: Finding;
  readonly addon: Finding;
  readonly cuda: Finding;
  /** Of a device, where one could be opened. */
  readonly threads?: number;
}

export async function nativeFindings(): Promise<NativeFindings> {
  const library = libraryFinding();
  const { addon, trial } = await addonFinding(library.path);
  return { onnxruntime: openedFinding(library, trial), addon, cuda: await cudaFinding(library.path), threads: trial.threads };
}

interface Library {
  readonly finding: Finding;
  /** Where it is there. */
  readonly path?: string;
}

function libraryFinding(): Library {
  try {
    const path = runtimeLibrary();
    // A name alone is looked for by the system, when the addon opens it.
    if (path.includes('/') && !existsSync(path))
      return { finding: failed(`Expected ONNX Runtime's library at ${path} but there is none`, 'correct LATINO_ORT_LIBRARY, or unset it') };
    return { finding: ok(`at ${path}`), path };
  } catch (error) {
    return { finding: failedOf(error, 'run: npm install onnxruntime-node') };
  }
}

function openedFinding({ finding, path }: Library, { threads, runtimeVersion, failure }: AddonTrial): Finding {
  if (path === undefined) return finding;
  if (runtimeVersion !== undefined) return ok(`${runtimeVersion}, at ${path}, ${originOf()}`);
  if (threads === undefined) return ok(`at ${path}; not opened, which takes the addon`);
  return failed(failure ?? `cannot open ${path}`, 'name another library in LATINO_ORT_LIBRARY, or install onnxruntime-node anew');
}

function originOf(): string {
  if (process.env.LATINO_ORT_LIBRARY) return 'which LATINO_ORT_LIBRARY names';
  return `of onnxruntime-node ${(require('onnxruntime-node/package.json') as { version: string }).version}`;
}

async function addonFinding(library: string | undefined): Promise<{ addon: Finding; trial: AddonTrial }> {
  try {
    const path = existingAddon('cpu');
    const trial = await tryAddon(path, library);
    return { addon: trial.threads === undefined ? failedOf(unusable('cpu', new Error(trial.failure))) : ok(`at ${path}`), trial };
  } catch (error) {
    return { addon: failedOf(error), trial: {} };
  }
}

async function cudaFinding(library: string | undefined): Promise<Finding> {
  if (library === undefined) return absent('not looked for: it takes ONNX Runtime');
  const found = await tryGpu(library);
  return found === 'cuda:0' ? ok(found) : absent(found);
}
