import { defineConfig } from "vitest/config";
import fast from "./vitest.config.ts";

/** What takes minutes: long fuzz and fault sequences, whole packages, other calibres. A release runs it. */
export default defineConfig({
  ...fast,
  test: {
    ...fast.test,
    include: ["test/slow/**/*.test.ts"],
    exclude: [],
    testTimeout: 1_800_000,
    hookTimeout: 1_800_000,
  },
});
