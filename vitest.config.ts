import { defineConfig } from 'vitest/config';

/** Test files at a time. */
const WORKERS = 2;

// Vitest reads the default export of this file and nothing else.
// biome-ignore lint/style/noDefaultExport: see above
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: WORKERS,
    setupFiles: ['test/support/own_cores.ts'],
    env: { LATINO_TEST_WORKERS: String(WORKERS) },
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
