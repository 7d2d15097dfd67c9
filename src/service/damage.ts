import { parseOperator, readGrey } from '../operator_files.js';
import { imageSize, type Operator, type Size } from '../operators/index.js';
import { requireNarrowBlur, requireNarrowKernel } from './blur_limits.js';
import { examinePicture, requirePixels } from './picture.js';
import { fileFor, SECOND_FILES, secondFiles } from './second_files.js';
import { ServiceError } from './service_error.js';
import type { Upload } from './upload.js';

/**
 * What damaged a picture, from its spelling. Spellings that name a file are refused: a service reads no file but what it was sent.
 *
 * @param files uploaded ones, of which `mask` and `kernel` are a part of the damage
 * @throws ServiceError ERR_LATINO_REQUEST when a file is named, missing, or not asked for; ERR_LATINO_TOO_LARGE; LatinoError ERR_LATINO_OPERATOR
 */
export async function readDamage(task: string, files: Upload['files'], maxPixels: number): Promise<Operator> {
  const [name, options] = nameAndOptions(task);
  const wanted = fileFor(name);
  const stray = secondFiles.find((file) => files.has(file) && file !== wanted);
  if (stray !== undefined)
    throw new ServiceError(
      'ERR_LATINO_REQUEST',
      `Expected the task ${SECOND_FILES[stray].task} where a ${stray} is sent but received ${task}`,
    );
  if (wanted === undefined) {
    const operator = await parseOperator(task, refuseFile);
    requireNarrowBlur(operator);
    return operator;
  }
  const path = files.get(wanted);
  if (path === undefined)
    throw new ServiceError('ERR_LATINO_REQUEST', `Expected a file named ${wanted} for the task ${name} but received none`);
  const size = await examinePicture(path, maxPixels);
  if (wanted === 'kernel') requireNarrowKernel(size);
  // What is no option of the task is taken for a part of the path.
  return parseOperator(`${name}:${wanted}${options}`, (named) => (named === wanted ? readGrey(path) : refuseFile()));
}

/** `deblur:kernel` and `,boundary=reflect`. */
function nameAndOptions(task: string): [name: string, options: string] {
  const text = task.trim();
  const end = text.includes(',') ? text.indexOf(',') : text.length;
  return [text.slice(0, end).toLowerCase(), text.slice(end)];
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
    'Expected a task that names no file; a mask is sent as the file mask with the task inpaint, a kernel as the file kernel with deblur:kernel',
  );
};
