import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { LatinoError } from '../../errors.js';
import { type Descriptor, descriptorOf, type OperatorKind, type Size } from '../kind.js';
import { plane, refuse } from '../numbers.js';
import { type LoadedFile, numbersOf } from '../spelling.js';

const LARGEST = 65535;

const mask = plane(LARGEST).transform(({ height, width, values }, context) => {
  if (values.length !== height * width) return refuse(context, `${height * width} numbers, ${width} × ${height},`, 'values');
  let missing: Uint8Array;
  if (values instanceof Uint8Array) {
    missing = new Uint8Array(values); // as they are: a loop over the millions of a large photograph would hold up the event loop
  } else {
    missing = new Uint8Array(values.length);
    for (let i = 0; i < missing.length; i++) {
      const value = values[i]!;
      if (!Number.isFinite(value)) return refuse(context, 'a finite number', 'values', i);
      if (value >= 0.5) missing[i] = 1;
    }
  }
  if (!missing.includes(0)) return refuse(context, 'a mask with a pixel that is not missing', 'values');
  return Object.freeze({ height, width, values: missing });
});

const side = (low: number, name: string) => z.int(name).min(low, name).max(LARGEST, name);

const schema = z.union([
  z.strictObject({
    /** 1 (or anything from 0.5) where a pixel is missing, 0 where it is seen; row-major. Large ones are taken soonest as a Uint8Array. */
    mask,
  }),
  z.strictObject({
    /** A missing rectangle: top, left, height and width in pixels. */
    box: z
      .tuple(
        [
          side(0, `a top from 0 to ${LARGEST}`),
          side(0, `a left from 0 to ${LARGEST}`),
          side(1, `a height from 1 to ${LARGEST}`),
          side(1, `a width from 1 to ${LARGEST}`),
        ],
        'an array of top, left, height and width',
      )
      .readonly(),
  }),
]);

type Options = z.output<typeof schema>;
export type Inpainting = Descriptor<'inpainting', Options>;

/**
 * Missing pixels, as a mask or a box; what a measurement holds there is never looked at.
 *
 * @throws LatinoError ERR_LATINO_OPERATOR when the mask has another number of values than its size says, or hides everything
 */
export const inpainting = (options: z.input<typeof schema>): Inpainting => descriptorOf(inpaintingKind, options);

const text = ({ width, height }: Size): string => `${width} × ${height}`;

function fitted(operator: Inpainting, { height, width }: Size): Size {
  const image = { height, width };
  if ('mask' in operator) {
    if (operator.mask.height === height && operator.mask.width === width) return image;
    throw new LatinoError(
      'ERR_LATINO_SHAPE',
      `Expected a mask of the image's size ${text(image)} but received one of ${text(operator.mask)}`,
    );
  }
  const [top, left, rows, columns] = operator.box;
  if (top + rows > height || left + columns > width) {
    throw new LatinoError(
      'ERR_LATINO_SHAPE',
      `Expected a box inside the image of ${text(image)} but received rows ${top} to ${top + rows - 1} and columns ${left} to ${left + columns - 1}`,
    );
  }
  if (rows === height && columns === width) {
    throw new LatinoError('ERR_LATINO_SHAPE', `Expected a box smaller than the image of ${text(image)} but received one that covers it`);
  }
  return image;
}

/** 0 where a pixel is seen, anything else where it is missing, [H, W]. */
function missingPixels(operator: Inpainting, { height, width }: Size): Uint8Array {
  if ('mask' in operator) return operator.mask.values;
  const missing = new Uint8Array(height * width);
  const [top, left, rows, columns] = operator.box;
  for (let row = top; row < top + rows; row++) missing.fill(1, row * width + left, row * width + left + columns);
  return missing;
}

const PIXELS_AT_ONCE = 2 ** 18;

/** 1 where a picture is white rather than black, the mean of its channels counting. */
async function whitePixels({ height, width, channels, data }: LoadedFile): Promise<z.input<typeof mask>> {
  const count = height * width;
  const values = new Uint8Array(count);
  for (let first = 0; first < count; first += PIXELS_AT_ONCE) {
    if (first > 0) await setImmediate(); // other work's turn
    for (let i = first; i < Math.min(count, first + PIXELS_AT_ONCE); i++) {
      let sum = 0;
      for (let at = i; at < channels * count; at += count) sum += data[at]!;
      values[i] = sum >= 0 ? 1 : 0;
    }
  }
  return { height, width, values };
}

const BOX = 'inpaint:box:<top>:<left>:<height>:<width>';

export const inpaintingKind: OperatorKind<'inpainting', Options> = {
  kind: 'inpainting',
  factory: 'inpainting',
  schema,
  spellings: [
    {
      usage: 'inpaint:<mask>',
      example: 'inpaint:mask.png',
      help: 'an image, white where pixels are missing; what lies under it is never looked at',
      options: {},
      path: true,
      parse: async (path, _, loadFile) => ({ mask: await whitePixels(await loadFile(path)) }),
    },
    {
      usage: BOX,
      example: 'inpaint:box:40:36:48:56',
      help: 'a missing rectangle: top, left, height and width in pixels',
      options: {},
      parse: (argument) => ({ box: numbersOf(BOX, argument) }),
    },
  ],
  format: (operator) =>
    'mask' in operator ? `inpaint:${operator.mask.width}x${operator.mask.height}` : `inpaint:box:${operator.box.join(':')}`,

  measurementSize: fitted,
  imageSize: fitted,
  build: (addon, device, operator, image) => addon.mask(device, image.height, image.width, missingPixels(operator, image)),

  measurementChannels: 3,
  missingPixels,
  officialTask: () => ({ task: 'inpainting' }),
};
