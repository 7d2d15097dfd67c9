import { createReadStream } from 'node:fs';
import { dirname, isAbsolute, posix, resolve, sep } from 'node:path';
import { createInterface } from 'node:readline';
import { LatinoError } from '../errors.js';
import { parseOptions } from '../schema.js';
import type { BatchEntry } from './entry.js';
import { ManifestLine } from './manifest_line.js';

/** The images that a file of JSON lines names, one after the other: a million of them take no memory. A line that is wrong is an entry with a problem. */
export async function* readManifest(path: string): AsyncGenerator<BatchEntry> {
  const base = dirname(path);
  const lines = createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Infinity });
  let number = 0;
  for await (const text of lines) {
    number++;
    if (text.trim() === '') continue;
    const place = `${path}:${number}`;
    try {
      const line = parseLine(text, place);
      yield { path: resolve(base, line.input), name: nameOf(line.output ?? line.input, line.output !== undefined, place), line, base };
    } catch (error) {
      yield { path: place, name: `${posix.basename(path)}:${number}`, problem: error as LatinoError };
    }
  }
}

function parseLine(text: string, place: string): ManifestLine {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new LatinoError('ERR_LATINO_ARGUMENT', `Expected a line of JSON at ${place} but received ${shortened(text)}`, { cause });
  }
  return parseOptions(ManifestLine, value, { code: 'ERR_LATINO_ARGUMENT', what: place });
}

/** A name inside the output folder. An input may lie anywhere, what leads out of the folder is left away; an output may not. */
function nameOf(path: string, isOutput: boolean, place: string): string {
  const name = posix.normalize(path.split(sep).join('/'));
  if (isOutput && (isAbsolute(path) || name.startsWith('../') || name === '..'))
    throw new LatinoError('ERR_LATINO_OUTPUT', `Expected an output inside the output folder at ${place} but received ${path}`);
  return name.replace(/^(\w:|\/|\.\.\/)+/, '');
}

const shortened = (text: string): string => (text.length > 60 ? `${text.slice(0, 57)}...` : text);
