/** The long version of test/server/endurance.test.ts: 50 kills for each durable store, ten minutes of load. Minutes can be given. */
import process from "node:process";
import { killInMidLoad } from "../test/server/support/kill.ts";
import { loadSteadily } from "../test/server/support/steady-load.ts";

const ROUNDS = Number(process.argv[2] ?? 50);
const MINUTES = Number(process.argv[3] ?? 10);
let failed = 0;

for (const kind of ["sqlite", "redis"] as const) {
  const { acknowledged, lost, torn } = await killInMidLoad(kind, ROUNDS);
  process.stdout.write(
    `${kind}: killed ${ROUNDS} times, ${acknowledged} answered writes, ${lost.length} lost, ${torn.length} torn\n`,
  );
  failed += lost.length + torn.length;
}

const { requests, failures, quarters } = await loadSteadily(MINUTES * 60);
const [, early = 0, , late = Infinity] = quarters;
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
process.stdout.write(
  `${MINUTES} minutes: ${requests} requests, ${failures} failures, resident memory ${megabytes(early)} in the second quarter, ${megabytes(late)} in the last\n`,
);
if (late > early * 1.15) failed += 1;
failed += failures;
process.exitCode = failed === 0 ? 0 : 1;
