import { createRequire } from 'node:module';
import os from 'node:os';
import { loadAddon, runtimeLibrary } from './device/load.js';
import { tryGpu } from './device/try_gpu.js';

const require = createRequire(import.meta.url);

/** What this installation consists of and runs on. */
export interface Diagnosis {
  readonly node: string;
  readonly platform: string;
  /** Version of the ONNX Runtime library in use, and its path. */
  readonly onnxruntime: string;
  readonly onnxruntimeLibrary: string;
  /** Version of the package that ships it. */
  readonly onnxruntimeNode: string;
  readonly cpu: string;
  /** `cuda:0`, or why it is not used. */
  readonly cuda: string;
}

/** @throws LatinoError ERR_LATINO_ADDON when the native addon cannot be loaded, with what to do about it */
export function diagnose(): Diagnosis {
  const addon = loadAddon();
  const device = addon.openDevice('cpu');
  const library = runtimeLibrary();
  return {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    onnxruntime: addon.runtimeVersion(),
    onnxruntimeLibrary: library,
    onnxruntimeNode: (require('onnxruntime-node/package.json') as { version: string }).version,
    cpu: `${device.name}, ${device.threads} threads, ${(os.totalmem() / 2 ** 30).toFixed(0)} GiB`,
    cuda: tryGpu(library),
  };
}
