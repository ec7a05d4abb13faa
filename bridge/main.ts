/** The bridge's entry: small on purpose, so that the first answer comes as soon as the runtime itself is up. */
import process from "node:process";
import { runtimeComplaint } from "./runtime-needed.ts";

const complaint = runtimeComplaint();
if (complaint === null) {
  const { runBridge } = await import("./run.ts");
  await runBridge();
} else {
  process.stderr.write(`${complaint}\n`);
  process.exitCode = 78;
}
