import { defineConfig } from 'vitest/config';

// Vitest reads the default export of this file and nothing else.
// biome-ignore lint/style/noDefaultExport: see above
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    // One more than the cores of the smallest machine: some files wait, for processes that end or pages that load.
    maxWorkers: 3,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
