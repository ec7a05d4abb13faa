import { defineConfig } from "vitest/config";
import { apart } from "./scripts/apart.ts";
import { apartPool } from "./scripts/apart-pool.ts";

const own = apart();

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/slow/**"],
    globalSetup: "test/support/prepared.ts",
    reporters: ["default", "./scripts/count-reporter.ts"],
    testTimeout: 60_000,
    hookTimeout: 300_000,
    pool: own === null ? "forks" : apartPool(own),
    // Two cores, and much of the time goes to waiting: for calibre's viewer, for servers that hang. Where files cannot live
    // apart, two calibres would meet.
    maxWorkers: own === null ? 1 : 3,
    maxConcurrency: 16,
  },
});
