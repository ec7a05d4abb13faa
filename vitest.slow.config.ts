import { defineConfig } from "vitest/config";

/** What takes minutes: long fuzz and fault sequences, whole packages, other calibres. A release runs it. */
export default defineConfig({
  test: {
    include: ["test/slow/**/*.test.ts"],
    reporters: ["default", "./scripts/count-reporter.ts"],
    testTimeout: 1_800_000,
    hookTimeout: 1_800_000,
    maxWorkers: 2,
  },
});
