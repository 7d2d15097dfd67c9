import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of reference data: LATINO_GOLDEN, or test/golden. */
export function goldenPath(relative: string): string {
  return join(process.env.LATINO_GOLDEN ?? fileURLToPath(new URL('../golden', import.meta.url)), relative);
}
