/** The bridge's entry: small on purpose, so that the first answer comes as soon as the runtime itself is up. */
import process from "node:process";
import { helloAnswer, readFirstHello } from "./first-hello.ts";
import { readLines } from "./lines.ts";
import { quietSqlite } from "../src/runtime/quiet-sqlite.ts";
import { runtimeComplaint } from "../src/runtime/runtime-needed.ts";

// Ctrl-C in a terminal reaches every program there: whoever holds our standard input decides when we end.
process.on("SIGINT", () => {});
quietSqlite();
const complaint = runtimeComplaint();
if (complaint === null) {
  const lines = readLines(process.stdin);
  const first = await lines.next();
  const line = first.done === true ? "" : first.value;
  const hello = readFirstHello(line);
  if (hello !== null) {
    process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id: hello.id, result: helloAnswer() })}\n`);
  }
  const { runBridge } = await import("./run.ts");
  await runBridge(lines, hello === null ? { unread: line } : { hello: hello.params });
} else {
  process.stderr.write(`${complaint}\n`);
  process.exitCode = 78;
}
