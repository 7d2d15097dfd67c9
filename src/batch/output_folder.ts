import { link, mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { outputError, syncFolder, writeWhole } from '../output_file.js';
import { lockFolder } from './lock.js';
import { type Share, stemOf } from './share.js';

/** An output folder, or one share of it, that this process alone writes. */
export interface OutputFolder extends AsyncDisposable {
  readonly path: string;
  /** Where files are begun; what lies there is removed with the next run. */
  readonly temporaries: string;
  /** Writes a file below the folder, so that it is there whole or not at all, whatever happens, and stays there. */
  write(name: string, bytes: Uint8Array): Promise<void>;
  /** Adds a file that `save` writes, unless another process has added it meanwhile. */
  offer(name: string, save: (path: string) => Promise<void>): Promise<void>;
}

/**
 * Makes the folder where there is none, and locks it. What a killed process had begun to write is removed.
 *
 * @throws LatinoError ERR_LATINO_OUTPUT
 */
export async function openOutputFolder(path: string, share: Share): Promise<OutputFolder> {
  await makeFolder(path);
  const lock = await lockFolder(path, share);
  // Files are begun in here, so that what is left of them is found without a look at every output.
  const begun = join(path, `.${stemOf(share)}.tmp`);
  const clear = (): Promise<void> => rm(begun, { recursive: true, force: true });
  try {
    await clear();
    await makeFolder(begun);
  } catch (error) {
    await lock[Symbol.asyncDispose]();
    throw error;
  }
  return {
    path,
    temporaries: begun,
    async write(name, bytes) {
      const target = join(path, name);
      await makeFolder(dirname(target));
      await writeWhole(target, bytes, begun);
      await syncFolder(dirname(target));
    },
    async offer(name, save) {
      await save(join(begun, name));
      await link(join(begun, name), join(path, name)).catch((cause: NodeJS.ErrnoException) => {
        if (cause.code !== 'EEXIST') throw outputError(join(path, name), cause);
      });
    },
    async [Symbol.asyncDispose]() {
      await clear().catch(() => undefined);
      await lock[Symbol.asyncDispose]();
    },
  };
}

async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true }).catch((cause: unknown) => {
    throw outputError(path, cause);
  });
}
