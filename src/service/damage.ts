import { parseOperator, readGrey } from '../operator_files.js';
import { imageSize, type Operator, type Size } from '../operators/index.js';
import { requireNarrowBlur } from './blur_limits.js';
import { examinePicture, requirePixels } from './picture.js';
import { ServiceError } from './service_error.js';

const HOLES = 'inpaint';

/**
 * What damaged a picture, from its spelling. Spellings that name a file are refused: a service reads no file but what it was sent.
 *
 * @param mask path of an uploaded one, white where pixels are missing
 * @throws ServiceError ERR_LATINO_REQUEST when a file is named, ERR_LATINO_TOO_LARGE; LatinoError ERR_LATINO_OPERATOR
 */
export async function readDamage(task: string, mask: string | undefined, maxPixels: number): Promise<Operator> {
  if (mask === undefined) {
    if (task.trim().toLowerCase() === HOLES)
      throw new ServiceError('ERR_LATINO_REQUEST', `Expected a file named mask for the task ${HOLES} but received none`);
    const operator = await parseOperator(task, refuseFile);
    requireNarrowBlur(operator);
    return operator;
  }
  if (task.trim().toLowerCase() !== HOLES)
    throw new ServiceError('ERR_LATINO_REQUEST', `Expected the task ${HOLES} where a mask is sent but received ${task}`);
  await examinePicture(mask, maxPixels);
  return parseOperator(`${HOLES}:mask`, () => readGrey(mask));
}

/**
 * The size of what a measurement is to become.
 *
 * @throws ServiceError ERR_LATINO_TOO_LARGE; LatinoError ERR_LATINO_SHAPE when no picture has a measurement of this size
 */
export function restoredSize(operator: Operator, measurement: Size, maxPixels: number): Size {
  const size = imageSize(operator, measurement);
  requirePixels(size, maxPixels, 'a restored picture');
  return size;
}

const refuseFile = (): never => {
  throw new ServiceError(
    'ERR_LATINO_REQUEST',
    'Expected a task that names no file; a mask is sent as the file mask, with the task inpaint',
  );
};
