import { describe, expect, test } from "vitest";
import { sitesFor } from "../../src/core/server-url.ts";

const origins = (pasted: string): string[] => sitesFor(pasted).map(({ origin }) => origin);
const paths = (pasted: string): string[] => sitesFor(pasted)[0]?.paths ?? [];

describe("where to look", () => {
  test.each([
    ["https://sync.example", ["https://sync.example", "https://sync.example:7200"]],
    ["https://sync.example:8443/", ["https://sync.example:8443"]],
    ["http://10.0.0.5:8081", ["http://10.0.0.5:8081", "https://10.0.0.5:8081"]],
    ["nas.local:7200", ["https://nas.local:7200", "http://nas.local:7200"]],
    ["sync.example:443", ["https://sync.example", "http://sync.example:443"]],
    [
      "sync.example",
      ["https://sync.example", "http://sync.example", "https://sync.example:7200", "http://sync.example:7200"],
    ],
    ["http://nas", ["http://nas", "https://nas", "https://nas:7200", "http://nas:7200"]],
    ["[fd00::1]:8081", ["https://[fd00::1]:8081", "http://[fd00::1]:8081"]],
    ["  <HTTPS://Sync.Example/>\n", ["https://sync.example", "https://sync.example:7200"]],
    ["https:/sync.example:1", ["https://sync.example:1"]],
    ["https//sync.example:1", ["https://sync.example:1"]],
    ["//sync.example:1/kosync", ["https://sync.example:1", "http://sync.example:1"]],
    ["bücher.example:1", ["https://xn--bcher-kva.example:1", "http://xn--bcher-kva.example:1"]],
  ])("%s", (pasted, expected) => {
    expect(origins(pasted)).toEqual(expected);
  });

  test("an https that was pasted never becomes http", () => {
    expect(origins("https://sync.example").filter((origin) => origin.startsWith("http:"))).toEqual([]);
  });

  test.each(["", "   ", "ftp://sync.example", "https://", "two words", "http://a b", "https://sync.example:99999"])(
    "%j is no address",
    (pasted) => {
      expect(sitesFor(pasted)).toEqual([]);
    },
  );
});

describe("under which path", () => {
  test("the pasted one first, then known prefixes under it and its parents", () => {
    expect(paths("https://books.example/calibre/opds?x=1#top")).toEqual([
      "/calibre/opds",
      "/calibre/opds/kosync",
      "/calibre/opds/api/koreader",
      "/calibre/opds/koreader",
      "/calibre/opds/api/ko",
      "/calibre",
      "/calibre/kosync",
      "/calibre/api/koreader",
      "/calibre/koreader",
      "/calibre/api/ko",
      "",
      "/kosync",
      "/api/koreader",
      "/koreader",
      "/api/ko",
    ]);
  });

  test.each([
    ["https://sync.example/users/auth", ""],
    ["https://sync.example/kosync/users/create/", "/kosync"],
    ["https://sync.example/api/koreader/syncs/progress/0b229176d4e8db7f6d2b5a4952368d7a", "/api/koreader"],
    ["https://sync.example/healthcheck", ""],
    ["https://sync.example//kosync//", "/kosync"],
    ["https://sync.example/api/koreader/SeCrEt-Key", "/api/koreader/SeCrEt-Key"],
  ])("%s starts at %j", (pasted, first) => {
    expect(paths(pasted)[0]).toBe(first);
  });
});

test("a login inside the address is kept as it is written", () => {
  expect(sitesFor("https://me:p%20w@sync.example:1/kosync")[0]).toMatchObject({
    origin: "https://sync.example:1",
    username: "me",
    password: "p%20w",
  });
});
