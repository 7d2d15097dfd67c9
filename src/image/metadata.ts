/** What came with the file of a measurement, and is written with its restoration. */
export interface ImageMetadata {
  /** The ICC profile, which says what the numbers of the image mean; sRGB where there is none. */
  readonly icc?: Uint8Array;
  /** EXIF, a TIFF structure, of an image that is upright. */
  readonly exif?: Uint8Array;
}

/** `Exif\0\0`, with which JPEG and WebP begin it. */
const PREFIX = Buffer.from('Exif\0\0', 'latin1');
const ORIENTATION = 0x0112;
const UPRIGHT = 1;
const ENTRY = 12;

/** Whether a profile is one of red, green and blue, as pixels are. */
export const isOfRgb = (icc: Uint8Array): boolean =>
  Buffer.from(icc.buffer, icc.byteOffset, icc.byteLength).toString('latin1', 16, 20) === 'RGB ';

/**
 * EXIF of the image as it is once it has been turned upright and restored: the orientation says so, and the thumbnail, which shows what it was before,
 * is cut off. Nothing where the structure is broken.
 */
export function uprightExif(exif: Buffer): Buffer | undefined {
  const bytes = Buffer.from(exif.subarray(exif.indexOf(PREFIX) === 0 ? PREFIX.length : 0));
  const order = bytes.toString('latin1', 0, 2);
  if (bytes.length < 8 || (order !== 'II' && order !== 'MM')) return undefined;
  const isLittle = order === 'II';
  const read16 = (at: number): number => (isLittle ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at));
  const first = isLittle ? bytes.readUInt32LE(4) : bytes.readUInt32BE(4);
  if (first + 2 > bytes.length) return undefined;
  const end = first + 2 + ENTRY * read16(first);
  if (end + 4 > bytes.length) return undefined;
  for (let entry = first + 2; entry < end; entry += ENTRY) {
    if (read16(entry) !== ORIENTATION) continue;
    if (isLittle) bytes.writeUInt16LE(UPRIGHT, entry + 8);
    else bytes.writeUInt16BE(UPRIGHT, entry + 8);
  }
  // Where the directory of the thumbnail would be.
  bytes.writeUInt32LE(0, end);
  return bytes;
}
