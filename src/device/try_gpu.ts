import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findAddon } from './find_addon.js';
import { missing } from './flavour.js';

const PROVIDER = 'libonnxruntime_providers_cuda.so';
/** A driver may take its time over the first process. */
const MOST_MILLISECONDS = 30_000;
const SCRIPT = `
  const addon = require(process.argv[1]);
  addon.setErrorClass(class extends Error { constructor(code, message) { super(message); } });
  addon.openDevice('cuda:0');
`;

/** Whether cuda:0 can be used, beside this ONNX Runtime, and else why not: tried in a process of its own, which a broken driver may end. */
export function tryGpu(runtimeLibrary: string): string {
  let path: string | undefined;
  try {
    path = findAddon('cuda');
  } catch (error) {
    return `not used: ${(error as Error).message}`;
  }
  if (!path || !existsSync(path)) return `not used: ${missing('cuda:0', path).message}`;
  const { status, stderr, error } = spawnSync(process.execPath, ['-e', SCRIPT, path], { encoding: 'utf8', timeout: MOST_MILLISECONDS });
  if (status !== 0) return `not used: ${error?.message ?? /Error: (.+)/.exec(stderr)?.[1] ?? 'the process that tried was ended'}`;
  const provider = join(dirname(runtimeLibrary), PROVIDER);
  return existsSync(provider) ? 'cuda:0' : `not used: cuda:0 is there but ONNX Runtime's CUDA provider is not, at ${provider}`;
}
