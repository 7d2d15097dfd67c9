import { closeSync, openSync, readSync } from 'node:fs';

/** Of what the addon is compiled for (x86-64-v3: Haswell and Zen, and newer), the features that its kernels are built on. */
export const REQUIRED_FEATURES = ['avx2', 'bmi2', 'f16c', 'fma'];
/** The first processor's entry; servers have hundreds, and the kernel makes each as it is read. */
const ENTRY_BYTES = 8192;

/** What the addon needs and this processor lacks; nothing where that is not known. Linux on x86-64 tells; others are taken to have it all. */
export function missingFeatures(): string[] {
  if (process.platform !== 'linux' || process.arch !== 'x64') return [];
  try {
    const file = openSync('/proc/cpuinfo', 'r');
    try {
      const entry = Buffer.alloc(ENTRY_BYTES);
      return missingFrom(entry.toString('latin1', 0, readSync(file, entry)));
    } finally {
      closeSync(file);
    }
  } catch {
    return []; // a container without /proc
  }
}

/** The same, from the text of /proc/cpuinfo. */
export function missingFrom(cpuinfo: string): string[] {
  const flags = /^flags\s*:(.*)\n/m.exec(cpuinfo)?.[1]?.split(' ');
  return flags ? REQUIRED_FEATURES.filter((feature) => !flags.includes(feature)) : [];
}
