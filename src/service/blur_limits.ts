import type { Operator, Size } from '../operators/index.js';
import { ServiceError } from './service_error.js';

/** Pixels. Wider ones would have everybody wait while their taps are made: a Gaussian of 1000 takes three seconds. */
const WIDEST = { sigma: 50, length: 200, size: 255 } as const;

/** @throws ServiceError ERR_LATINO_TOO_LARGE when a blur is wider than the service makes */
export function requireNarrowBlur(operator: Operator): void {
  if (operator.kind !== 'gaussian-blur' && operator.kind !== 'motion-blur') return;
  for (const [name, widest] of Object.entries(WIDEST)) {
    const value = (operator as Partial<Record<string, unknown>>)[name];
    if (typeof value === 'number' && value > widest)
      throw new ServiceError('ERR_LATINO_TOO_LARGE', `Expected a ${name} of the blur of at most ${widest} but received ${value}`);
  }
}

/** @throws ServiceError ERR_LATINO_TOO_LARGE when a picture is larger than the kernels that the service makes */
export function requireNarrowKernel({ width, height }: Size): void {
  if (Math.max(width, height) <= WIDEST.size) return;
  throw new ServiceError(
    'ERR_LATINO_TOO_LARGE',
    `Expected a kernel of at most ${WIDEST.size} × ${WIDEST.size} pixels but received ${width} × ${height}`,
  );
}
