import { open } from 'node:fs/promises';
import { PHOTOGRAPHS, readHeader } from '../image/index.js';
import type { Size } from '../operators/index.js';
import { ServiceError } from './service_error.js';

/** Formats that are taken: those that the library reads unless told, and of what sharp calls heif AVIF alone. */
const FORMATS: readonly string[] = PHOTOGRAPHS.map((format) => (format === 'heif' ? 'avif' : format));

/** How their files begin. sharp is shown nothing else: what it makes of a drawing or a document may read other files. */
const BEGINNINGS: readonly RegExp[] = [
  /^\x89PNG\r\n/,
  /^\xff\xd8\xff/,
  /^RIFF....WEBP/s,
  /^(II[*+]\0|MM\0[*+])/,
  /^....ftyp(avif|avis|mif1|miaf)/s,
];

/**
 * Reads the header of a picture, and refuses one that would be too large once decoded.
 *
 * @returns its size as it is seen: its orientation applied
 * @throws ServiceError ERR_LATINO_FORMAT, ERR_LATINO_TOO_LARGE; ERR_LATINO_PICTURE when the header is broken
 */
export async function examinePicture(path: string, maxPixels: number): Promise<Size> {
  const beginning = await firstBytes(path, 16);
  if (!BEGINNINGS.some((pattern) => pattern.test(beginning))) throw unknownFormat();
  const header = await readHeader(path).catch((cause: Error) => {
    throw new ServiceError('ERR_LATINO_PICTURE', 'Expected a picture but its header cannot be read', { cause });
  });
  const { format, compression, autoOrient: size } = header;
  const name = format === 'heif' && compression === 'av1' ? 'avif' : format;
  if (name === undefined || !FORMATS.includes(name)) throw unknownFormat();
  requirePixels(size, maxPixels, 'a picture');
  return size;
}

/** @throws ServiceError ERR_LATINO_TOO_LARGE when there are more */
export function requirePixels({ width, height }: Size, maxPixels: number, what: string): void {
  if (width * height <= maxPixels) return;
  throw new ServiceError('ERR_LATINO_TOO_LARGE', `Expected ${what} of at most ${maxPixels} pixels but received ${width} × ${height}`);
}

const unknownFormat = (): ServiceError =>
  new ServiceError(
    'ERR_LATINO_FORMAT',
    `Expected ${FORMATS.slice(0, -1).join(', ')} or ${FORMATS.at(-1)} but received another kind of file`,
  );

async function firstBytes(path: string, count: number): Promise<string> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(count), 0, count, 0);
    return buffer.toString('latin1', 0, bytesRead);
  } finally {
    await file.close();
  }
}
