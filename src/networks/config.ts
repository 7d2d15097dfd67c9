import { z } from 'zod';
import { LatinoError } from '../errors.js';

/** A key that may be missing or null, and otherwise must have this value. */
export const only = <T extends string | number | boolean>(...values: T[]) => z.literal(values).nullish();

/** Reads a network's config.json. Throws ERR_LATINO_MODEL that names the first value that is not supported. */
export function parseConfig<T extends z.ZodType>(schema: T, json: unknown, network: string): z.output<T> {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  let received: unknown = json;
  for (const key of issue.path) received = (received as Record<PropertyKey, unknown> | undefined)?.[key];
  const key = issue.path.join('.') || 'config.json';
  throw new LatinoError('ERR_LATINO_MODEL', `${network} with ${key} ${JSON.stringify(received)} is not supported (${issue.message})`);
}
