import { LatinoError } from '../errors.js';

/** A picture on the host. */
export interface Image {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  /** Planar [channels, height, width], range [-1, 1]. */
  readonly data: Float32Array;
}

/** An image from the values of a tensor [1, C, H, W]. */
export function fromPlanar(data: Float32Array, { channels, height, width }: { channels: 1 | 3; height: number; width: number }): Image {
  if (channels !== 1 && channels !== 3)
    throw new LatinoError('ERR_LATINO_SHAPE', `Expected an image of 1 or 3 channels but received ${channels}`);
  if (!(Number.isInteger(width) && width > 0 && Number.isInteger(height) && height > 0)) {
    throw new LatinoError('ERR_LATINO_SHAPE', `Expected a positive width and height but received ${width} and ${height}`);
  }
  if (data.length !== channels * height * width) {
    throw new LatinoError(
      'ERR_LATINO_SHAPE',
      `Expected ${channels * height * width} values of an image of ${width} × ${height} with ${channels} channels but received ${data.length}`,
    );
  }
  return { width, height, channels, data };
}

/** Whole numbers from 0 to `largest`, interleaved as files have them; values outside [-1, 1] are clipped. */
export function quantise<Pixels extends Uint8Array | Uint16Array>({ channels, data }: Image, pixels: Pixels, largest: number): Pixels {
  const count = data.length / channels;
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < count; i++)
      pixels[i * channels + c] = Math.round(((Math.min(1, Math.max(-1, data[c * count + i]!)) + 1) / 2) * largest);
  }
  return pixels;
}

/** Enlarges an image by bicubic interpolation (Keys, a = -1/2), centred on pixels, the border replicated. */
export async function upscale(image: Image, { width, height }: { width: number; height: number }): Promise<Image> {
  if (image.width === width && image.height === height) return image;
  const tapsX = interpolation(image.width, width);
  const tapsY = interpolation(image.height, height);
  const data = new Float32Array(image.channels * width * height);
  for (let c = 0; c < image.channels; c++) {
    const plane = image.data.subarray(c * image.width * image.height, (c + 1) * image.width * image.height);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        let sum = 0;
        for (const [row, weightY] of tapsY[y]!)
          for (const [column, weightX] of tapsX[x]!) sum += weightY * weightX * plane[row * image.width + column]!;
        data[(c * height + y) * width + x] = sum;
      }
    }
  }
  return { width, height, channels: image.channels, data };
}

/** For each output pixel the four input pixels it reads, with their weights. */
function interpolation(from: number, to: number): (readonly [number, number])[][] {
  return Array.from({ length: to }, (_, i) => {
    const position = ((i + 0.5) * from) / to - 0.5;
    const base = Math.floor(position);
    return [-1, 0, 1, 2].map((offset) => {
      const t = Math.abs(base + offset - position);
      const weight = t < 1 ? (1.5 * t - 2.5) * t * t + 1 : ((-0.5 * t + 2.5) * t - 4) * t + 2;
      return [Math.min(from - 1, Math.max(0, base + offset)), weight] as const;
    });
  });
}
