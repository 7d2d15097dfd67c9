import { readImage } from './image/index.js';
import { type LoadedFile, type Operator, parseOperator as parseSpelling } from './operators/index.js';

/**
 * An operator from its spelling, as the command line takes it: `sr:8`, `deblur:gaussian:3`, `inpaint:mask.png`, ... Pictures that it names are
 * read by `loadFile`, from the disk where there is none.
 *
 * @throws LatinoError ERR_LATINO_OPERATOR when there is no such operator or option, or a value is out of range; ERR_LATINO_IMAGE when a picture
 * cannot be read
 */
export function parseOperator(spelling: string, loadFile: (path: string) => Promise<LoadedFile> = readGrey): Promise<Operator> {
  return parseSpelling(spelling, loadFile);
}

/** A grey picture, such as a mask or a kernel. */
export const readGrey = (path: string): Promise<LoadedFile> => readImage(path, { channels: 1 });
