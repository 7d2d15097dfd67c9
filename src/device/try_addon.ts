import { runApart } from './apart.js';

const SCRIPT = `
  const [path, library] = process.argv.slice(1);
  const addon = require(path);
  addon.setErrorClass(class extends Error { constructor(code, message) { super(message); } });
  console.log(addon.openDevice('cpu').threads);
  if (library === undefined) process.exit();
  addon.openRuntime(library);
  console.log(addon.runtimeVersion());
`;

/** How far the addon for CPUs came. */
export interface AddonTrial {
  /** Of its device, where one could be opened. */
  readonly threads?: number;
  /** Of ONNX Runtime, where that could be opened. */
  readonly runtimeVersion?: string;
  /** Why it came no further. */
  readonly failure?: string;
}

/** Loads the addon for CPUs at this path and opens this ONNX Runtime in a process of its own, which either may end. */
export async function tryAddon(path: string, runtimeLibrary?: string): Promise<AddonTrial> {
  const { lines, failure } = await runApart(SCRIPT, [path, ...(runtimeLibrary === undefined ? [] : [runtimeLibrary])]);
  const [threads, runtimeVersion] = lines;
  return { threads: threads === undefined ? undefined : Number(threads), runtimeVersion, failure };
}
