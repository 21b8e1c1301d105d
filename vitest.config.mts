import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/setup/longest-first.mts';

/**
 * Three suites: unit (parallel, no root), hosts (real hosts, two files at a time, since each mostly waits for its hosts; every file has hosts,
 * networks and names of its own), e2e (real windows, last).
 */
export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{agents,provisioning,main,renderer,test}/**/*.test.{ts,tsx}'],
          exclude: ['**/*.hosts.test.ts', 'test/e2e/**', 'node_modules/**', 'dist/**'],
          setupFiles: ['test/setup/properties.ts'],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'hosts',
          include: ['{provisioning,main,test}/**/*.hosts.test.ts'],
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          // Real machines: what fails once is told as such, what fails twice fails.
          retry: 1,
          testTimeout: 240_000,
          hookTimeout: 240_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 2 },
          retry: 1,
          testTimeout: 300_000,
          hookTimeout: 240_000,
        },
      },
    ],
  },
});
