import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/slow/**"],
    reporters: ["default", "./scripts/count-reporter.ts"],
    testTimeout: 60_000,
    hookTimeout: 300_000,
    // calibre is heavy and the machines have two cores: files of real calibre take turns by their own lock.
    maxWorkers: 2,
  },
});
