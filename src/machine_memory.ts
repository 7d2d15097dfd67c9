import os from 'node:os';

/** Bytes that this process may take, by the machine and its container. */
export function machineMemory(): number {
  // Without a limit it is 0, or more than there is.
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, os.totalmem()) : os.totalmem();
}
