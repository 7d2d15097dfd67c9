import { z } from 'zod';

/** An array of any numeric type, of which a schema's transformation makes a copy. */
export const numbers = z.custom<ArrayLike<number>>(
  (value) =>
    Array.isArray(value) ||
    (ArrayBuffer.isView(value) && !(value instanceof DataView || value instanceof BigInt64Array || value instanceof BigUint64Array)),
  'an array of numbers',
);

/** Adds an issue to a schema's transformation, at a path from the value that is transformed. */
export function refuse<T>(context: z.core.$RefinementCtx<T>, message: string, ...path: PropertyKey[]): never {
  context.addIssue({ code: 'custom', message, path });
  return z.NEVER;
}

/** Row-major values with their size, as a picture of one channel has them. */
export const plane = (largest: number) =>
  z.strictObject({ height: z.int().min(1).max(largest), width: z.int().min(1).max(largest), values: numbers });
