import { LatinoError } from '../errors.js';

/** How a device may be named, in options and in the environment, and in words. */
export const DEVICE_NAME = /^(auto|cpu|cuda:\d+)$/;
export const DEVICE_NAMES = 'auto, cpu or cuda:<index>';

/**
 * The device of a model whose options name none: that of the environment's `LATINO_DEVICE`, else the CPU, until restorations on GPUs are known to be
 * right.
 *
 * @throws LatinoError ERR_LATINO_ARGUMENT where the environment names none that there may be
 */
export function defaultDevice(): string {
  const named = process.env.LATINO_DEVICE || 'auto';
  if (!DEVICE_NAME.test(named))
    throw new LatinoError('ERR_LATINO_ARGUMENT', `Expected ${DEVICE_NAMES} for LATINO_DEVICE but received ${named}`);
  return named === 'auto' ? 'cpu' : named;
}
