import type { Image } from '../../src/index.js';

/** The middle of an image. */
export function middle({ width, height, channels, data }: Image, size: number): Image {
  const [left, top] = [(width - size) >> 1, (height - size) >> 1];
  const cropped = new Float32Array(channels * size * size);
  for (let c = 0; c < channels; c++)
    for (let row = 0; row < size; row++) {
      const begin = (c * height + top + row) * width + left;
      cropped.set(data.subarray(begin, begin + size), (c * size + row) * size);
    }
  return { width: size, height: size, channels, data: cropped };
}
