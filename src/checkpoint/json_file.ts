import { readFile } from 'node:fs/promises';
import { LatinoError } from '../errors.js';

/** The text of a file of a model folder. @throws LatinoError ERR_LATINO_MODEL when it cannot be read. */
export async function readModelText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new LatinoError('ERR_LATINO_MODEL', `Expected a readable file ${path} (${(cause as NodeJS.ErrnoException).code})`, { cause });
  }
}

/** The value of JSON text. @throws LatinoError ERR_LATINO_MODEL when it is none. */
export function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new LatinoError('ERR_LATINO_MODEL', `Expected JSON in ${path} but it does not parse`, { cause });
  }
}

/** The value of a JSON file of a model folder. @throws LatinoError ERR_LATINO_MODEL when it cannot be read or is not JSON. */
export const readModelJson = async (path: string): Promise<unknown> => parseJson(await readModelText(path), path);
