import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterAll, expect, test } from "vitest";
import { createCertificates } from "../support/certificates.ts";
import { startChild } from "../server/support/child.ts";

const folder = mkdtempSync(join(tmpdir(), "koreader-progress-health-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function health(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number | null; err: string }> {
  const child = spawn(process.execPath, ["src/cli/main.ts", "health", ...args], { env: { ...process.env, ...env } });
  let err = "";
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, err })));
}

test("a server that is well is told by 0, below a path too, and by the environment of its container", async () => {
  const server = await startChild(["--base-path", "/kosync"]);
  const port = String(server.port);
  expect(await health(["--port", port, "--base-path", "/kosync"])).toEqual({ code: 0, err: "" });
  const env = {
    KOREADER_PROGRESS_HOST: "0.0.0.0",
    KOREADER_PROGRESS_PORT: port,
    KOREADER_PROGRESS_BASE_PATH: "/kosync",
  };
  expect(await health([], env)).toEqual({ code: 0, err: "" });
  await server.end("SIGTERM");
  expect(await health(["--port", port])).toMatchObject({ code: 1, err: expect.stringContaining("ECONNREFUSED") });
});

test("a server with a certificate of its own is well too", async () => {
  const { path } = createCertificates(folder).selfSigned("well", "DNS:elsewhere.example");
  const tls = ["--tls-cert", path, "--tls-key", path.replace(/\.pem$/, ".key")];
  const server = await startChild(tls);
  expect(await health(["--port", String(server.port), "--tls-cert", path])).toEqual({ code: 0, err: "" });
  await server.end("SIGTERM");
});

test("a server that says it is not well, or says nothing, is told by 1", async () => {
  const sick = createServer((request, response) => {
    if (request.url === "/sick/healthcheck") response.writeHead(502).end();
  }).listen(0, "127.0.0.1");
  await new Promise((listening) => sick.once("listening", listening));
  const port = String((sick.address() as AddressInfo).port);
  expect(await health(["--port", port, "--base-path", "/sick"])).toEqual({
    code: 1,
    err: "health: the server answers 502.\n",
  });
  expect(await health(["--port", port])).toEqual({ code: 1, err: "health: no answer within 4 s.\n" });
  sick.closeAllConnections();
  sick.close();
});
