import { defineConfig } from "vitest/config";

/** What decides, and how the house stands: an answer within seconds, without calibre, a server or a build. */
export default defineConfig({
  test: {
    include: ["test/core/**/*.test.ts", "test/app/in-turn.test.ts", "test/architecture.test.ts", "test/docs.test.ts"],
    // These run many worlds, or another program.
    exclude: ["**/*properties.test.ts", "test/core/position/{hostile,calibre-parser}.test.ts"],
    reporters: ["default", "./scripts/count-reporter.ts"],
    testTimeout: 60_000,
    // Pure functions leave nothing behind: one thread after the other takes a file, without a new world for each.
    pool: "threads",
    isolate: false,
    maxWorkers: 2,
  },
});
