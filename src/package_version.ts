import { createRequire } from 'node:module';

/** Of this package; the same from src and from dist. */
export const { version: packageVersion } = createRequire(import.meta.url)('../package.json') as { version: string };
