import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { startRedis } from "./support/redis.ts";
import { ask, login } from "./support/serving.ts";

const BUNDLE = "dist/cli.mjs";
const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
});

/** The built server under Deno; `end` resolves with its exit code after SIGTERM. */
async function startDeno(args: readonly string[]): Promise<{ port: number; end: () => Promise<number | null> }> {
  const flags = ["run", "-A", "--no-config", "--no-lock", "--cached-only", "--no-prompt"];
  const command = [...flags, BUNDLE, "serve", "--port", "0", "--log", "error", "--registration", "open", ...args];
  const child = spawn(join("node_modules", ".bin", "deno"), command, { stdio: ["ignore", "pipe", "inherit"] });
  const gone = new Promise<number | null>((resolve) => child.once("exit", resolve));
  undo.push(() => child.kill("SIGKILL"));
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout.once("data", (chunk: Buffer) => resolve(Number(new URL(chunk.toString().trim()).port)));
    void gone.then((code) => reject(new Error(`ended with ${code}`)));
  });
  return {
    port,
    end() {
      child.kill("SIGTERM");
      return gone;
    },
  };
}

test.skipIf(!existsSync(BUNDLE)).each(["sqlite", "redis"])(
  "the built server runs under Deno on %s: registers, keeps what it is given byte for byte, lists, and ends cleanly",
  async (kind) => {
    const folder = mkdtempSync(join(tmpdir(), "kosync-deno-"));
    undo.push(() => rmSync(folder, { recursive: true, force: true }));
    const redis = kind === "redis" ? await startRedis() : null;
    undo.push(() => redis?.stop());
    const place = redis === null ? ["--data", folder] : ["--redis", redis.url];
    const { port, end } = await startDeno(place);
    const register = { method: "POST", path: "/users/create", body: '{"username":"Zoë","password":"key-Zoë"}' };
    expect((await ask(port, register)).status).toBe(201);
    expect((await ask(port, register)).status).toBe(402);
    const position = { document: "a\0b", progress: "c\0d – 🦎", percentage: 0.5, device: "Kobo" };
    const headers = login("Zoë");
    const put = { method: "PUT", path: "/syncs/progress", headers, body: JSON.stringify(position) };
    for (let turn = 0; turn < 3; turn++) expect((await ask(port, put)).status).toBe(200);
    // Known by now, it is refused by the routes only after its body was read beside them.
    expect(await ask(port, { ...put, body: "{" })).toMatchObject({ status: 400, json: { code: 103 } });
    expect((await ask(port, { method: "GET", path: "/syncs/progress/a%00b", headers })).json).toMatchObject(position);
    const path = "/koreader-progress/v1/documents";
    expect((await ask(port, { method: "GET", path, headers })).json).toMatchObject({ documents: [position] });
    const history = await ask(port, { method: "GET", path: `${path}/a%00b/history`, headers });
    expect(history.json).toMatchObject({ history: [{}, {}, {}] });
    expect((await ask(port, { method: "GET", path: "/users/auth", headers: login("Zoë", "wrong") })).status).toBe(401);
    expect((await ask(port, { method: "GET", path: "/" })).text).toContain("<form");
    expect(await end()).toBe(0);
    const again = await startDeno(place);
    expect((await ask(again.port, { method: "GET", path: "/syncs/progress/a%00b", headers })).json).toMatchObject(
      position,
    );
    expect(await again.end()).toBe(0);
  },
);
