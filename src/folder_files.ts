import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

export interface FolderFile {
  /** Below the folder. */
  readonly path: string;
  readonly size: number;
}

/** All files in a folder and those below it, by their paths; links count as what they lead to. */
export async function filesIn(folder: string): Promise<FolderFile[]> {
  const paths = (await readdir(folder, { recursive: true })).sort();
  const stats = await Promise.all(paths.map((path) => stat(join(folder, path)).catch(() => undefined)));
  return paths.flatMap((path, i) => (stats[i]?.isFile() ? { path, size: stats[i].size } : []));
}

export const totalSize = (files: readonly { readonly size: number }[]): number => files.reduce((sum, { size }) => sum + size, 0);
