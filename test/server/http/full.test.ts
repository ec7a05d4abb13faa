import { afterEach, expect, test } from "vitest";
import { createLog } from "../../../src/server/http/log.ts";
import { ask, login, serve } from "../support/serving.ts";
import type { Answer, Serving } from "../support/serving.ts";
import { STORE_KINDS } from "../support/stores.ts";

const undo: Serving[] = [];
afterEach(async () => {
  for (const serving of undo.splice(0)) await serving.close();
});

test.each(STORE_KINDS)(
  "a full account on a %s store: what it has is kept up to date, a new document is 401, which no reader sends again",
  async (kind) => {
    const lines: string[] = [];
    const log = createLog("error", (line) => lines.push(line));
    const serving = await serve(kind, { quota: { documents: 2 }, log });
    undo.push(serving);
    const { port } = serving.server;
    for (const username of ["ann", "bob"]) {
      const body = JSON.stringify({ username, password: `key-${username}` });
      await ask(port, { method: "POST", path: "/users/create", body });
    }
    const put = (username: string, document: string, more: object = {}): Promise<Answer> => {
      const body = JSON.stringify({ document, progress: "/body", percentage: 0.5, device: "Kobo", ...more });
      return ask(port, { method: "PUT", path: "/syncs/progress", headers: login(username), body });
    };
    for (const document of ["a", "b"]) expect((await put("ann", document)).status).toBe(200);
    for (const more of [{}, {}, { identifiers: [{ type: "content", value: "c" }] }]) {
      expect(await put("ann", "c", more)).toMatchObject({ status: 401, json: { code: 401 } });
    }
    expect((await put("ann", "a", { percentage: 0.75 })).status).toBe(200);
    const adopting = [
      { type: "content", value: "c" },
      { type: "filename", value: "a" },
    ];
    expect((await put("ann", "c", { identifiers: adopting })).json).toMatchObject({ document: "a" });
    // It is neither a wrong key nor anybody else's trouble.
    expect((await ask(port, { method: "GET", path: "/users/auth", headers: login("ann") })).status).toBe(200);
    expect((await put("bob", "c")).status).toBe(200);
    expect(lines.map((line): unknown => JSON.parse(line))).toEqual([
      expect.objectContaining({ event: "account_full", address: "127.0.0.1" }),
    ]);
    expect(lines.join("")).not.toContain("ann");
  },
);
