/** The long version of test/server/endurance.test.ts: 50 kills for each durable store, ten minutes of load. Minutes can be given. */
import process from "node:process";
import { killInMidLoad } from "../test/server/support/kill.ts";
import { loadSteadily } from "../test/server/support/steady-load.ts";

const ROUNDS = Number(process.argv[2] ?? 50);
const MINUTES = Number(process.argv[3] ?? 10);
let failed = 0;

/** After so many writes SQLite's WAL is being moved into its file when the kill comes. */
const CHECKPOINTED = 8500;
const KILLS = [
  ["sqlite", ROUNDS, undefined],
  ["sqlite", Math.ceil(ROUNDS / 10), CHECKPOINTED],
  ["redis", ROUNDS, undefined],
] as const;

for (const [kind, rounds, answers] of KILLS) {
  const { acknowledged, lost, torn } = await killInMidLoad(kind, rounds, answers);
  process.stdout.write(
    `${kind}: killed ${rounds} times, ${acknowledged} answered writes, ${lost.length} lost, ${torn.length} torn\n`,
  );
  failed += lost.length + torn.length;
}

/** Bytes a request. */
const MAX_LEAK = 10;
/** What the collector does not see, such as SQLite's own memory, would show in ten minutes of load. */
const MAX_GROWTH = 100e6;
const { requests, failures, leak, start, end } = await loadSteadily(MINUTES * 60);
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
process.stdout.write(
  `${MINUTES} minutes: ${requests} requests, ${failures} failures; in the second half ${leak.toFixed(2)} bytes kept of each request, ${megabytes(start.kept)} then ${megabytes(end.kept)} kept, ${megabytes(start.resident)} then ${megabytes(end.resident)} resident\n`,
);
if (leak > MAX_LEAK || end.resident - start.resident > MAX_GROWTH) failed += 1;
failed += failures;
process.exitCode = failed === 0 ? 0 : 1;
