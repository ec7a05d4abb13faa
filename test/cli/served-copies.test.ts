/** A stand-alone calibre-server gives books away, and a later sync from the command line knows each copy. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { partialMd5 } from "../../src/core/digest.ts";
import { PASSWORD, USER, createCliWorld, type CliWorld } from "../support/cli-world.ts";

let world: CliWorld;

beforeAll(async () => {
  world = await createCliWorld();
  await world.calibredb("add_custom_column", "percent", "Percent", "int");
});
afterAll(() => world?.close());

/** A port that was free a moment ago: calibre-server cannot choose one and say which. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

/** Downloads these books' EPUBs from a server that is started for it and stopped again. */
async function download(...ids: number[]): Promise<Uint8Array[]> {
  const port = await freePort();
  const { calibre, library } = world;
  const args = ["--listen-on", "127.0.0.1", "--port", String(port), library];
  const child = spawn(calibre.program("calibre-server"), args, { env: calibre.env, stdio: "ignore" });
  try {
    await answers(`http://127.0.0.1:${port}/ajax/library-info`, child);
    const books: Uint8Array[] = [];
    for (const id of ids) {
      const answer = await fetch(`http://127.0.0.1:${port}/get/EPUB/${id}`);
      expect(answer.status).toBe(200);
      books.push(new Uint8Array(await answer.arrayBuffer()));
    }
    return books;
  } finally {
    const ended = once(child, "close");
    child.kill("SIGTERM");
    await ended;
  }
}

async function answers(url: string, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const answer = await fetch(url).catch(() => null);
    if (answer?.ok === true) return;
    await new Promise((later) => setTimeout(later, 100));
  }
  throw new Error("calibre-server ended by itself");
}

/** KOReader reads a downloaded book. */
async function read(book: Uint8Array, percentage: number): Promise<string> {
  const document = partialMd5(book);
  const progress = "/body/DocFragment[2]/body/p[3]/text().7";
  await world.client.putProgress({ document, percentage, progress, device: "Kobo", device_id: "KOBO" });
  return document;
}

async function sync(): Promise<Record<string, unknown>[]> {
  const login = ["--url", world.server.url, "--user", USER, "--password-stdin"];
  const columns = ["--column", "percent=#percent"];
  // Without predictions: what was seen leaving must be enough.
  const args = ["sync", "--library", world.library, ...login, ...columns, "--no-predict"];
  const ended = await world.cli(args, PASSWORD);
  expect(ended).toMatchObject({ status: 0, stderr: expect.stringMatching(/^Of \d+ books?: .*\.\n$/) });
  const fields = ["list", "--for-machine", "-f", "title,*percent", "--sort-by", "id", "--ascending"];
  return JSON.parse(await world.calibredb(...fields)) as Record<string, unknown>[];
}

test("what a stand-alone server gave away is known, before and after edits", async () => {
  const [one, two] = await download(1, 2);
  const first = [await read(one!, 0.31), await read(two!, 0.42)];
  expect(await sync()).toMatchObject([{ "*percent": 31 }, { "*percent": 42 }]);

  const words = "Another comment. ".repeat(300);
  for (const id of ["1", "2"]) {
    const fields = [`title:Edited ${id}`, "tags:a,b,c", `comments:${words}`, "rating:4"];
    await world.calibredb("set_metadata", id, ...fields.flatMap((field) => ["--field", field]));
  }
  const [again, other] = await download(1, 2);
  // Settled copies keep their digest whatever is edited, and whatever a sync has written.
  expect([await read(again!, 0.55), await read(other!, 0.66)]).toEqual(first);
  expect(await sync()).toMatchObject([{ "*percent": 55 }, { "*percent": 66 }]);
}, 240_000);
