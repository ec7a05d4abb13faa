import { parseArgs } from "node:util";
import { startServer } from "../compose.ts";
import { SyncError } from "../model/error.ts";

export const summary = "serve: run a kosync server that KOReader can sync with";

const DEFAULT_PORT = "8081";

/** Runs a kosync server until SIGTERM or SIGINT; prints its URL when it listens. Exit code 2: it could not start. */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      host: { type: "string" },
      port: { type: "string" },
      data: { type: "string" },
      registration: { type: "string" },
    },
  });
  const port = Number(values.port ?? DEFAULT_PORT);
  try {
    const server = await startServer({
      ...(values.host === undefined ? {} : { host: values.host }),
      port,
      ...(values.data === undefined ? {} : { data: values.data }),
      registration: values.registration === "closed" ? "closed" : "open",
    });
    process.stdout.write(`${server.url}\n`);
    await new Promise<void>((resolve) => {
      process.once("SIGTERM", () => resolve());
      process.once("SIGINT", () => resolve());
    });
    await server.stop();
    return 0;
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    process.stderr.write(`The server could not start: ${error.kind} ${JSON.stringify(error.data)}\n`);
    return 2;
  }
}
