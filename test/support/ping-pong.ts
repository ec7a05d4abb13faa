/** Rounds between KOReader and calibre's real desktop viewer: nobody is carried away from where they read. */
import { copyFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openBookText } from "../../src/app/book/text.ts";
import { describePosition } from "../../src/app/book/convert.ts";
import { placesInLibrary } from "../../src/app/places.ts";
import { preparePush } from "../../src/app/push.ts";
import { charactersBetween, ONE_PLACE } from "../../src/app/book/same-place.ts";
import { compose, openBookArchive, startServer, type Outside } from "../../src/compose.ts";
import type { KosyncClient } from "../../src/app/ports.ts";
import type { RunningServer } from "../../src/server/listen.ts";
import { profileOf, readingOf } from "../core/samples.ts";
import { createPrivateCalibre, type PrivateCalibre } from "../calibre_plugin/private-calibre.ts";
import { evidence, pages } from "./positions.ts";
import { readInViewer } from "./viewer.ts";

const ACCOUNT = {
  id: "a",
  url: "",
  username: "anna",
  userkey: "5f4dcc3b5aa765d61d8327deb882cf99",
  headers: {},
  tls: { mode: "system" as const },
  proxy: null,
};
const RUNNING = { signal: new AbortController().signal, progress: () => {} };

/** Declares the test, with its own calibre and server. */
export function describePingPong(rounds: number): void {
  let calibre: PrivateCalibre;
  let server: RunningServer;
  let outside: Outside;
  let client: KosyncClient;
  let path: string;

  beforeAll(async () => {
    calibre = await createPrivateCalibre({ plugin: false });
    path = join(calibre.folder, "alice.epub");
    copyFileSync(evidence("alice.epub"), path);
    server = await startServer({ port: 0, registration: "open" });
    outside = await compose({ cache_folder: null });
    client = await outside.openClient({ ...ACCOUNT, url: server.url });
    await client.register();
  }, 60_000);

  afterAll(async () => {
    await client?.close();
    await outside?.close();
    await server?.stop();
    calibre?.dispose();
  });

  test(`after ${rounds} rounds KOReader is where it was, and the viewer within a page of it`, async () => {
    const { partial_md5: document } = await outside.files.digest(path);
    const { size, mtimeMs } = statSync(path);
    const formats = [{ format: "EPUB", path, size, mtime: mtimeMs / 1000 }];
    const tops = pages("alice");
    const first = tops[Math.floor(tops.length / 3)]?.xpointer ?? "";
    let pointer = first;
    const drifts: number[] = [];
    const book = await openBookText(path, openBookArchive);
    for (let round = 0; round < rounds; round += 1) {
      const { percentage } = await describePosition(book, pointer);
      await client.putProgress({
        document,
        progress: pointer,
        percentage: percentage ?? 0,
        device: "Kobo",
        device_id: "K",
      });
      const request = { book_id: 1, formats, digests: [], document, progress: pointer };
      const [answer] = await placesInLibrary([request], outside, RUNNING);
      const cfi = answer?.places[0]?.cfi ?? "";
      const shown = await readInViewer(calibre, path, cfi);
      const at = Date.parse(shown.timestamp) / 1000 + 3600;
      const kept = { source: "viewer" as const, format: "EPUB", cfi: shown.pos, at, delivered: cfi };
      const { book: sample } = readingOf({ records: [], formats });
      const request_ = {
        books: [{ book: sample, places: [kept] }],
        account: { ...ACCOUNT, url: server.url },
        profile: profileOf({}),
        typed: false,
      };
      const { puts, skipped } = await preparePush(request_, outside, RUNNING);
      expect(puts).toEqual([]);
      expect(skipped.map(({ reason }) => reason.code)).toEqual(["push_came_from_server"]);
      // A viewer that lost our memory of what was delivered must not creep either.
      const forgetful = { ...request_, books: [{ book: sample, places: [{ ...kept, delivered: null }] }] };
      expect((await preparePush(forgetful, outside, RUNNING)).puts).toEqual([]);
      drifts.push((await charactersBetween(book, shown.pos, first)) ?? Infinity);
      pointer = (await client.getProgress(document))?.progress ?? "";
    }
    await book.close();
    expect(pointer).toBe(first);
    expect(Math.max(...drifts)).toBeLessThan(ONE_PLACE);
  }, 400_000);
}
