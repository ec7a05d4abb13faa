/** `koreader-progress serve`: a kosync server of one's own. */
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import process from "node:process";
import { createSecureContext } from "node:tls";
import { parseArgs } from "node:util";
import * as z from "zod";
import { addressesOf, openServerLog, startServer } from "../compose.ts";
import { SyncError } from "../model/error.ts";
import { Refused, fileSentence } from "./sentences.ts";
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

Example:
  koreader-progress serve --host 0.0.0.0 --data /var/lib/koreader-progress
`;

/** As a browser names the server of a page: scheme, host and port, nothing after them. */
function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}

/** `loopback` and its like, an address, or a network such as 10.0.0.0/8. */
function isTrustable(text: string): boolean {
  if (["loopback", "linklocal", "uniquelocal"].includes(text)) return true;
  const [address = "", bits, ...rest] = text.split("/");
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
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
  "trust-proxy": z
    .string()
    .refine((text) => text.split(",").every((one) => isTrustable(one.trim())))
    .optional(),
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

interface Tls {
  readonly cert: string;
  readonly key: string;
}

/** The certificate and its key; throws Refused with a sentence for what is not there, or cannot be used. */
function readTls(cert: string, key: string): Tls {
  const tls = { cert: textOf(cert), key: textOf(key) };
  try {
    createSecureContext(tls);
  } catch {
    throw new Refused(
      `serve: ${cert} and ${key} cannot be used together: a certificate and its own key are needed, both in PEM.`,
    );
  }
  return tls;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new Refused(`serve: ${fileSentence(codeOf(error), path)}`);
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : null;
}

/** Why nothing can listen there, by the system's code. */
const CANNOT_LISTEN: Readonly<Record<string, string>> = {
  EACCES: "this user may not; a port above 1023 needs no rights",
  EADDRNOTAVAIL: "this machine has no such address",
  ENOTFOUND: "this machine knows no address of that name",
  EAI_AGAIN: "this machine knows no address of that name",
};

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
  const { "tls-cert": cert, "tls-key": key } = settings;
  const tls = cert === undefined || key === undefined ? {} : { tls: readTls(cert, key) };
  try {
    const server = await startServer({
      ...place,
      ...tls,
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
    else {
      const why = CANNOT_LISTEN[String(codeOf(error))];
      if (why === undefined) throw error;
      process.stderr.write(`serve: cannot listen on ${settings.host}, port ${settings.port}: ${why}.\n`);
    }
    return 2;
  }
}
