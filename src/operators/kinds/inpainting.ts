import { z } from 'zod';
import { LatinoError } from '../../errors.js';
import { type Descriptor, descriptorOf, type OperatorKind, type Size } from '../kind.js';
import { plane, refuse } from '../numbers.js';
import { grey, numbersOf } from '../spelling.js';

const LARGEST = 65535;

const mask = plane(LARGEST).transform(({ height, width, values }, context) => {
  if (values.length !== height * width) return refuse(context, `${height * width} numbers, ${width} × ${height},`, 'values');
  const missing = new Uint8Array(values.length);
  let count = 0;
  for (let i = 0; i < missing.length; i++) {
    const value = values[i]!;
    if (!Number.isFinite(value)) return refuse(context, 'a finite number', 'values', i);
    if (value < 0.5) continue;
    missing[i] = 1;
    count++;
  }
  if (count === missing.length) return refuse(context, 'a mask with a pixel that is not missing', 'values');
  return Object.freeze({ height, width, values: missing });
});

const side = (low: number, name: string) => z.int(name).min(low, name).max(LARGEST, name);

const schema = z.union([
  z.strictObject({
    /** 1 (or anything from 0.5) where a pixel is missing, 0 where it is seen; row-major. */
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

/** 1 where a pixel is seen, 0 where it is missing, [H, W]. */
function seenPixels(operator: Inpainting, { height, width }: Size): Float32Array {
  const seen = new Float32Array(height * width);
  if ('mask' in operator) {
    const { values } = operator.mask;
    for (let i = 0; i < seen.length; i++) seen[i] = 1 - values[i]!;
    return seen;
  }
  const [top, left, rows, columns] = operator.box;
  seen.fill(1);
  for (let row = top; row < top + rows; row++) seen.fill(0, row * width + left, row * width + left + columns);
  return seen;
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
      parse: async (path, _, loadFile) => ({ mask: grey(await loadFile(path)) }),
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
  build: (addon, device, operator, image) => addon.mask(device, image.height, image.width, seenPixels(operator, image)),

  measurementChannels: 3,
  hidesPixels: true,
  officialTask: () => ({ task: 'inpainting' }),
};
