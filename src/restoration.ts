import type { Addon, Tensor } from './device/addon.js';
import { fromPlanar, type Image } from './image/index.js';
import { Picture } from './picture.js';
import type { Embedding } from './prior/embedding.js';
import type { RestorationRecord } from './restoration_record.js';

/** A restored image, on the host. */
export class Restoration extends Picture {
  constructor(
    image: Image,
    /** What was done: all that it takes to do it again. */
    readonly record: RestorationRecord,
    /** What the prompt was calibrated to, where `calibrate` was asked for. */
    readonly embedding?: Embedding,
  ) {
    super(image);
  }
}

/**
 * The images of a tensor [N, C, H, W], a download each: no copy on the host is large.
 *
 * @throws LatinoError ERR_LATINO_NUMERIC when a value is not finite, and what the work that computed them failed with
 */
export function downloadImages({ slice }: Pick<Addon, 'slice'>, tensor: Tensor): Promise<Image[]> {
  const [count, channels, height, width] = tensor.shape as readonly [number, 1 | 3, number, number];
  const read = async (one: Tensor): Promise<Image> =>
    fromPlanar((await one.read({ finite: true })) as Float32Array, { channels, height, width });
  if (count === 1) return Promise.all([read(tensor)]);
  return Promise.all(
    Array.from({ length: count }, async (_, k) => {
      using one = slice(tensor, k, k + 1);
      return await read(one);
    }),
  );
}
