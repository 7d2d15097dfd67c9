import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runApart } from './apart.js';
import { existingAddon } from './flavour.js';

const PROVIDER = 'libonnxruntime_providers_cuda.so';
const SCRIPT = `
  const addon = require(process.argv[1]);
  addon.setErrorClass(class extends Error { constructor(code, message) { super(message); } });
  addon.openDevice('cuda:0');
`;

/** Whether cuda:0 can be used, beside this ONNX Runtime, and else why not: tried in a process of its own, which a broken driver may end. */
export async function tryGpu(runtimeLibrary: string): Promise<string> {
  let path: string;
  try {
    path = existingAddon('cuda:0');
  } catch (error) {
    return `not used: ${(error as Error).message}`;
  }
  const { failure } = await runApart(SCRIPT, [path]);
  if (failure !== undefined) return `not used: ${failure}`;
  const provider = join(dirname(runtimeLibrary), PROVIDER);
  return existsSync(provider) ? 'cuda:0' : `not used: cuda:0 is there but ONNX Runtime's CUDA provider is not, at ${provider}`;
}
