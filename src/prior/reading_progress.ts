import type { Session } from '../device/addon.js';

/** How much of a model's weights has been read from the disk. */
export interface ReadingProgress {
  readonly bytes: number;
  readonly totalBytes: number;
}

/** A network, by how many bytes of its weights have been read, of how many. */
export type ReadNetwork = Pick<Session, 'readBytes' | 'weightBytes'>;

/** How often it is looked at, in milliseconds. */
const INTERVAL = 100;

/**
 * Tells how much of the weights of some networks has been read: now, and whenever it is more, until it is all. Most of a network is read when it
 * first runs.
 *
 * @returns what ends it before
 */
export function watchReading(networks: readonly ReadNetwork[], onProgress: (progress: ReadingProgress) => void): () => void {
  const sum = (key: keyof ReadNetwork): number => networks.reduce((total, network) => total + network[key], 0);
  const totalBytes = sum('weightBytes');
  let shown: number | undefined;
  const look = (): void => {
    const bytes = sum('readBytes');
    if (bytes === totalBytes) clearInterval(timer);
    if (bytes === shown) return;
    shown = bytes;
    onProgress({ bytes, totalBytes });
  };
  const timer = setInterval(look, INTERVAL);
  timer.unref(); // a process that has nothing else to do may end
  look();
  return () => clearInterval(timer);
}
