/** `koreader-progress serve`: a kosync server of one's own. */
import { readFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import * as z from "zod";
import { addressesOf, openServerLog, startServer } from "../compose.ts";
import { SyncError } from "../model/error.ts";
import { complain, fromEnvironment, STORE_OPTIONS, storePlace } from "./store-options.ts";

export const summary =
  "serve [--host H] [--port N] [--data DIR] [--registration open|closed]    a kosync server of your own";

export const help = `
  --host H                 address to listen on (127.0.0.1; 0.0.0.0 for the whole network)
  --port N                 port (8081; 0 takes a free one)
  --data DIR               folder for the database; without it, and without --redis, nothing outlives the server
  --redis URL              a Redis in the layout of KOReader's own server: redis://HOST:6379/1
  --registration WHICH     closed (default) or open: whether KOReader may make new accounts
  --cors WHOSE             whose pages may read and write positions: * (default), off, or origins with commas
  --tls-cert FILE          certificate in PEM, with
  --tls-key FILE           its key: serve https
  --trust-proxy WHOM       whose X-Forwarded-For to believe: loopback, or addresses and networks with commas
  --base-path PATH         serve below this path: /kosync
  --log LEVEL              off, error, info (default) or debug; JSON lines on stderr
  --metrics                offer /metrics for Prometheus
  --no-page                no page for browsers at /

Each has a variable of the environment: KOREADER_PROGRESS_PORT, KOREADER_PROGRESS_TLS_CERT, ...
`;

/** As a browser names the server of a page: scheme, host and port, nothing after them. */
function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}

const Settings = z.object({
  host: z.string().min(1).default("127.0.0.1"),
  port: z.coerce.number().int().min(0).max(65_535).default(8081),
  registration: z.enum(["open", "closed"]).default("closed"),
  cors: z
    .string()
    .default("*")
    .transform((text) => (text === "*" || text === "off" ? text : text.split(",").map((origin) => origin.trim())))
    .pipe(z.union([z.literal(["*", "off"]), z.array(z.string().refine(isOrigin)).min(1)])),
  "tls-cert": z.string().optional(),
  "tls-key": z.string().optional(),
  "trust-proxy": z.string().optional(),
  "base-path": z
    .string()
    .regex(/^(?:\/[\w.~-]+)*\/?$/)
    .transform((path) => path.replace(/\/$/, ""))
    .default(""),
  log: z.enum(["off", "error", "info", "debug"]).default("info"),
});

const NAMES = [
  "host",
  "port",
  "registration",
  "cors",
  "tls-cert",
  "tls-key",
  "trust-proxy",
  "base-path",
  "log",
] as const;

function readTls({ "tls-cert": cert, "tls-key": key }: z.infer<typeof Settings>): {
  tls?: { cert: string; key: string };
} {
  if (cert === undefined || key === undefined) return {};
  return { tls: { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") } };
}

/** Resolves with the first signal to end; a second one ends at once. */
function untilToldToEnd(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
  });
}

/** Serves until SIGTERM or SIGINT; prints, when it listens, each URL under which it is reached. 0 after a clean end, 2 when it could not start. */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      ...STORE_OPTIONS,
      host: { type: "string" },
      port: { type: "string" },
      registration: { type: "string" },
      cors: { type: "string" },
      "tls-cert": { type: "string" },
      "tls-key": { type: "string" },
      "trust-proxy": { type: "string" },
      "base-path": { type: "string" },
      log: { type: "string" },
      metrics: { type: "boolean" },
      "no-page": { type: "boolean" },
    },
  });
  const told = Object.fromEntries(NAMES.map((name) => [name, values[name] ?? fromEnvironment(name)]));
  const parsed = Settings.safeParse(told);
  if (!parsed.success) {
    const wrong = parsed.error.issues.map(({ path }) => `--${String(path[0])}`).join(", ");
    process.stderr.write(`serve: this cannot be understood: ${wrong}. See serve --help.\n`);
    return 2;
  }
  const settings = parsed.data;
  if ((settings["tls-cert"] === undefined) !== (settings["tls-key"] === undefined)) {
    process.stderr.write("serve: --tls-cert and --tls-key belong together.\n");
    return 2;
  }
  const place = storePlace(values);
  try {
    const server = await startServer({
      ...place,
      ...readTls(settings),
      ...(settings["trust-proxy"] === undefined ? {} : { trustProxy: settings["trust-proxy"] }),
      host: settings.host,
      port: settings.port,
      registration: settings.registration,
      cors: settings.cors,
      basePath: settings["base-path"],
      log: await openServerLog(settings.log, (line) => process.stderr.write(line)),
      metrics: values.metrics ?? fromEnvironment("metrics") !== undefined,
      page: !(values["no-page"] ?? fromEnvironment("no-page") !== undefined),
    });
    if (Object.keys(place).length === 0) {
      process.stderr.write("serve: without --data or --redis nothing outlives this server.\n");
    }
    const hosts = addressesOf(server.host);
    const urls = hosts.length === 0 ? [server.url] : hosts.map((name) => server.urlOn(name));
    process.stdout.write(urls.map((url) => `${url}\n`).join(""));
    await untilToldToEnd();
    await server.stop();
    return 0;
  } catch (error) {
    if (error instanceof SyncError) complain("serve", error);
    else if (error instanceof Error && "code" in error) process.stderr.write(`serve: ${error.message}\n`);
    else throw error;
    return 2;
  }
}
