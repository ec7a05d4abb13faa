import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startServer } from "../../src/compose.ts";

const folder = mkdtempSync(join(tmpdir(), "kosync-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each([
  ["memory", undefined],
  ["sqlite", folder],
])("a server on %s", (_kind, data) => {
  let server: Awaited<ReturnType<typeof startServer>>;
  const login = { "x-auth-user": "reader", "x-auth-key": "0123" };
  beforeAll(async () => {
    server = await startServer({ port: 0, registration: "open", ...(data === undefined ? {} : { data }) });
  });
  afterAll(() => server.stop());

  async function ask(method: string, path: string, body?: object): Promise<{ status: number; body: unknown }> {
    const answer = await fetch(server.url + path, {
      method,
      headers: login,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: await answer.json() };
  }

  test("registers, authorizes, keeps a position and gives it back", async () => {
    expect(await ask("POST", "/users/create", { username: "reader", password: "0123" })).toEqual({
      status: 201,
      body: { username: "reader" },
    });
    expect(await ask("GET", "/users/auth")).toEqual({ status: 200, body: { authorized: "OK" } });
    const position = { document: "a", progress: "/body/p[1]\0", percentage: 0, device: "Kobo" };
    expect(await ask("PUT", "/syncs/progress", position)).toEqual({
      status: 200,
      body: { document: "a", timestamp: expect.any(Number) },
    });
    expect(await ask("GET", "/syncs/progress/a")).toEqual({
      status: 200,
      body: { ...position, timestamp: expect.any(Number) },
    });
    expect(await ask("GET", "/syncs/progress/b")).toEqual({ status: 200, body: {} });
  });
});
