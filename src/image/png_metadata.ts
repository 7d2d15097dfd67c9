import { crc32, deflateSync } from 'node:zlib';
import type { ImageMetadata } from './metadata.js';

/** The signature and the header of a PNG, which other chunks follow. */
const HEADER_BYTES = 8 + 25;

/**
 * A PNG with a profile and EXIF. sharp takes them over from there into whatever it writes; to pixels it adds a profile by converting them to it, and
 * EXIF by single tags.
 */
export function withPngMetadata(png: Buffer, { icc, exif }: ImageMetadata): Buffer {
  const chunks = [png.subarray(0, HEADER_BYTES)];
  // The profile's name and how it is compressed, then the profile.
  if (icc) chunks.push(chunk('iCCP', Buffer.concat([Buffer.from('icc\0\0', 'latin1'), deflateSync(icc)])));
  if (exif) chunks.push(chunk('eXIf', exif));
  return Buffer.concat([...chunks, png.subarray(HEADER_BYTES)]);
}

function chunk(type: string, data: Uint8Array): Buffer {
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.byteLength);
  check.writeUInt32BE(crc32(typed));
  return Buffer.concat([length, typed, check]);
}
