/** What a test of the command line needs: a private calibre with a library, and a real server with an account. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { writeEpub } from "../../scripts/demo-books.ts";
import type { KosyncClient } from "../../src/app/ports.ts";
import { openKosyncClient, startServer } from "../../src/compose.ts";
import type { RunningServer } from "../../src/server/listen.ts";
import { createPrivateCalibre, type PrivateCalibre } from "../calibre_plugin/private-calibre.ts";

export const PASSWORD = "correct horse";
export const USER = "anna";

/** How a program ended. */
export interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

export interface CliWorld {
  readonly calibre: PrivateCalibre;
  readonly server: RunningServer;
  readonly client: KosyncClient;
  readonly library: string;
  run(program: string, args: readonly string[], input?: string): Promise<Ended>;
  /** Throws with calibre's own words when it fails. */
  calibredb(...args: string[]): Promise<string>;
  /** The built command line. */
  cli(args: readonly string[], input?: string): Promise<Ended>;
  /** The first EPUB of a book in the library. */
  libraryFile(id: number): string;
  close(): Promise<void>;
}

/** Two books ("One" with id 1, "Two" with id 2), no columns; close it when done. */
export async function createCliWorld(): Promise<CliWorld> {
  const calibre = await createPrivateCalibre();
  const library = join(calibre.folder, "library");

  const run: CliWorld["run"] = (program, args, input = "") =>
    new Promise((done) => {
      const child = spawn(program, args, { env: calibre.env });
      const ended: Ended = { status: null, stdout: "", stderr: "" };
      child.stdout.on("data", (chunk: Buffer) => (ended.stdout += chunk.toString()));
      child.stderr.on("data", (chunk: Buffer) => (ended.stderr += chunk.toString()));
      child.on("close", (status) => done({ ...ended, status }));
      child.stdin.end(input);
    });

  const calibredb: CliWorld["calibredb"] = async (...args) => {
    const ended = await run(calibre.program("calibredb"), [...args, "--with-library", library]);
    if (ended.status !== 0) throw new Error(ended.stderr);
    return ended.stdout;
  };

  const books = join(calibre.folder, "books");
  mkdirSync(books);
  await writeEpub(join(books, "one.epub"), { title: "One", author: "A", version: "2.0", chapters: 3 });
  await writeEpub(join(books, "two.epub"), { title: "Two", author: "B", version: "3.0", chapters: 4 });
  await calibredb("add", join(books, "one.epub"), join(books, "two.epub"));

  const server = await startServer({ port: 0, registration: "open" });
  const client = await openKosyncClient({
    id: "a",
    url: server.url,
    username: USER,
    userkey: createHash("md5").update(PASSWORD).digest("hex"),
    headers: {},
    tls: { mode: "system" },
    proxy: null,
  });
  await client.register();

  return {
    calibre,
    server,
    client,
    library,
    run,
    calibredb,
    cli: (args, input) => run(process.execPath, [resolve("dist/cli.mjs"), ...args], input),
    libraryFile(id) {
      const names = readdirSync(library, { recursive: true, encoding: "utf8" });
      const found = names.find((name) => name.includes(`(${id})`) && name.endsWith(".epub"));
      if (found === undefined) throw new Error(`book ${id} has no file`);
      return join(library, found);
    },
    async close() {
      await client.close();
      await server.stop();
      calibre.dispose();
    },
  };
}
