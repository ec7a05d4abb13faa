/** `koreader-progress health`: whether a server of one's own on this machine answers, for containers and watchdogs. */
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import process from "node:process";
import { parseArgs } from "node:util";
import { fromEnvironment } from "./store-options.ts";

export const summary = "health [--host H] [--port N] [--base-path PATH]    whether your server on this machine answers";

export const help = `
  --host H                 where it listens (127.0.0.1)
  --port N                 its port (8081)
  --base-path PATH         the path it serves below
  --tls-cert FILE          it serves https (which certificate it shows is not judged: it is this machine's own)

Each has the variable of the environment that serve has. 0 when the server is well, 1 when it is not, or does not answer.

Example:
  koreader-progress health --port 8081
`;

// A watchdog that asks every half minute has its answer by then, or the server is not well.
const PATIENCE_MS = 4000;

/** An address that listens everywhere is asked on this machine's own. */
function askable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" ? "::1" : host;
}

function ask(secure: boolean, host: string, port: string, path: string): Promise<string | null> {
  return new Promise((resolve) => {
    const options = { host, port, path, timeout: PATIENCE_MS, headers: { accept: "application/json" } };
    const request = secure ? requestHttps({ ...options, rejectUnauthorized: false }) : requestHttp(options);
    request.on("response", (response) => {
      response.resume();
      resolve(response.statusCode === 200 ? null : `the server answers ${response.statusCode ?? "nothing"}`);
    });
    request.on("timeout", () => request.destroy(new Error(`no answer within ${PATIENCE_MS / 1000} s`)));
    request.on("error", (error) => resolve(error.message));
    request.end();
  });
}

/** 0 when the server answers that it is well; otherwise 1, and why on stderr. */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      host: { type: "string" },
      port: { type: "string" },
      "base-path": { type: "string" },
      "tls-cert": { type: "string" },
    },
  });
  const told = (name: keyof typeof values): string | undefined => values[name] ?? fromEnvironment(name);
  const path = `${(told("base-path") ?? "").replace(/\/$/, "")}/healthcheck`;
  const secure = told("tls-cert") !== undefined;
  const trouble = await ask(secure, askable(told("host") ?? "127.0.0.1"), told("port") ?? "8081", path);
  if (trouble === null) return 0;
  process.stderr.write(`health: ${trouble}.\n`);
  return 1;
}
