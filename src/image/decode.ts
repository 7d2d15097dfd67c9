import type { Metadata, SharpOptions } from 'sharp';
import { LatinoError } from '../errors.js';
import { type EncodedInput, firstLine, type RawPixels, words } from './input.js';
import { loadSharp } from './load_sharp.js';
import { type ImageMetadata, isOfRgb, uprightExif } from './metadata.js';

/** What sharp calls the formats that it may be able to read; `heif` is AVIF too. */
export const READABLE_FORMATS = ['png', 'jpeg', 'webp', 'tiff', 'heif', 'gif', 'svg', 'pdf', 'jp2', 'jxl', 'ppm'] as const;
export type ReadableFormat = (typeof READABLE_FORMATS)[number];

/** Those that photographs come in. What draws, such as SVG, or has many pages is read where it is asked for. */
export const PHOTOGRAPHS: readonly ReadableFormat[] = ['png', 'jpeg', 'webp', 'tiff', 'heif'];
export const MOST_PIXELS = 100_000_000;

/** What files are read, and what of them. */
export interface DecodeOptions {
  /** Pixels of a file's image: more are refused before any is decoded. 100 million by default. */
  readonly maxPixels?: number;
  /** Formats that are read, as sharp calls them: by default png, jpeg, webp, tiff and heif, which is AVIF too. */
  readonly formats?: readonly ReadableFormat[];
  /** `keep`: the image has the file's ICC profile and EXIF, and its numbers are those of the file, in the colours of that profile. */
  readonly metadata?: 'keep' | 'drop';
}

interface Decoded {
  readonly pixels: RawPixels;
  readonly metadata?: ImageMetadata;
}

/** What the header of an image file says, however large the image is: nothing of it is decoded. */
export const readHeader = async (source: EncodedInput['source']): Promise<Metadata> =>
  (await loadSharp())(source, { limitInputPixels: false }).metadata();

/**
 * The pixels of an image file, turned as EXIF says: in sRGB, or where metadata is kept as they are in the file, with its profile. A conversion would
 * move what lies outside sRGB, as colours of a telephone's photograph may, and mix the noise of the channels.
 *
 * @throws LatinoError ERR_LATINO_IMAGE when it is not of an allowed format, too large, or corrupt
 */
export async function decode(input: EncodedInput, options: DecodeOptions): Promise<Decoded> {
  const sharp = await loadSharp();
  const { maxPixels = MOST_PIXELS, metadata: kept = 'drop' } = options;
  try {
    const found = await readHeader(input.source);
    requireAllowed(found, input, options);
    const metadata = kept === 'keep' ? metadataOf(found) : undefined;
    const isWide = found.depth !== 'uchar' && found.depth !== 'char';
    const asStored: SharpOptions = { limitInputPixels: maxPixels, ignoreIcc: metadata?.icc !== undefined };
    const upright = sharp(input.source, asStored)
      .autoOrient()
      .toColourspace(isWide ? 'rgb16' : 'srgb');
    // sharp leaves 16-bit colours in the wide space that it works in, unless a profile is named.
    const inSpace = found.space === 'rgb16' && found.icc && !metadata?.icc ? upright.withIccProfile('srgb') : upright;
    const { data, info } = await inSpace.raw({ depth: isWide ? 'ushort' : 'uchar' }).toBuffer({ resolveWithObject: true });
    const { width, height } = info;
    const pixels = { width, height, channels: info.channels as RawPixels['channels'], data: isWide ? words(data) : data };
    return { pixels, metadata };
  } catch (cause) {
    if (cause instanceof LatinoError) throw cause;
    throw new LatinoError('ERR_LATINO_IMAGE', `Expected an image but cannot decode ${input.name}: ${firstLine(cause)}`, { cause });
  }
}

function requireAllowed(
  { format, width, height }: Metadata,
  { name, isDecoded }: EncodedInput,
  { formats = PHOTOGRAPHS, maxPixels = MOST_PIXELS }: DecodeOptions,
): void {
  if (!isDecoded && !formats.some((allowed) => allowed === format))
    throw new LatinoError(
      'ERR_LATINO_IMAGE',
      `Expected an image of ${formats.join(', ')} but ${name} is ${format}; formats (--formats) names what is read`,
    );
  if (width * height > maxPixels)
    throw new LatinoError(
      'ERR_LATINO_IMAGE',
      `Expected at most ${maxPixels} pixels but ${name} has ${width} × ${height}; maxPixels (--max-pixels) allows more`,
    );
}

/** What there is to be kept: a profile of grey or of inks does not fit the colours that are restored. */
function metadataOf({ icc, exif, space }: Metadata): ImageMetadata | undefined {
  const isRgb = space === 'srgb' || space === 'rgb16' || space === 'rgb';
  const profile = icc && isRgb && isOfRgb(icc) ? icc : undefined;
  const upright = exif && uprightExif(exif);
  return profile || upright ? { icc: profile, exif: upright } : undefined;
}
