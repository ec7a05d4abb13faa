import { describe, expect, test } from "vitest";
import { sitesToTry, typedAddress } from "../../src/core/server-url.ts";

const typed = (pasted: string): string | null => typedAddress(pasted)?.href ?? null;
const others = (pasted: string): string[] =>
  sitesToTry(pasted)
    .filter(({ isTyped }) => !isTyped)
    .map(({ origin }) => origin);

describe("the address as it was typed", () => {
  test.each([
    ["https://sync.example", "https://sync.example/"],
    ["http://10.0.0.5:8081", "http://10.0.0.5:8081/"],
    ["sync.example", "https://sync.example/"],
    ["nas.local:7200", "https://nas.local:7200/"],
    ["[fd00::1]:8081", "https://[fd00::1]:8081/"],
    ["  <HTTPS://Sync.Example/>\n", "https://sync.example/"],
    ["https:/sync.example:1", "https://sync.example:1/"],
    ["https//sync.example:1", "https://sync.example:1/"],
    ["//sync.example:1/kosync", "https://sync.example:1/kosync"],
    ["bücher.example:1", "https://xn--bcher-kva.example:1/"],
    ["https://sync.example/users/auth", "https://sync.example/"],
    ["https://sync.example/kosync/users/create/", "https://sync.example/kosync"],
    [
      "https://sync.example/api/koreader/syncs/progress/0b229176d4e8db7f6d2b5a4952368d7a",
      "https://sync.example/api/koreader",
    ],
    ["https://sync.example/healthcheck", "https://sync.example/"],
    ["https://sync.example//kosync//", "https://sync.example/kosync"],
    ["https://sync.example/api/koreader/SeCrEt-Key", "https://sync.example/api/koreader/SeCrEt-Key"],
    ["https://me:p%20w@sync.example:1/kosync?page=2#top", "https://me:p%20w@sync.example:1/kosync"],
  ])("%s", (pasted, expected) => {
    expect(typed(pasted)).toBe(expected);
  });

  test.each(["", "   ", "ftp://sync.example", "https://", "two words", "http://a b", "https://sync.example:99999"])(
    "%j is no address",
    (pasted) => {
      expect(typed(pasted)).toBeNull();
      expect(sitesToTry(pasted)).toEqual([]);
    },
  );
});

describe("where else to look", () => {
  test.each([
    ["https://sync.example", ["https://sync.example:7200"]],
    ["https://sync.example:8443/", []],
    ["http://10.0.0.5:8081", ["https://10.0.0.5:8081"]],
    ["nas.local:7200", ["http://nas.local:7200"]],
    ["sync.example:443", ["http://sync.example"]],
    ["sync.example", ["http://sync.example", "https://sync.example:7200"]],
    ["http://nas", ["https://nas", "https://nas:7200"]],
  ])("%s", (pasted, expected) => {
    expect(others(pasted)).toEqual(expected);
  });

  test("an https that was typed never becomes http", () => {
    expect(others("https://sync.example").filter((origin) => origin.startsWith("http:"))).toEqual([]);
  });

  test("at the typed origin known prefixes under the typed path and its parents, a few of them, and never the typed one", () => {
    expect(sitesToTry("https://books.example/opds?x=1#top")[0]).toEqual({
      origin: "https://books.example",
      isTyped: true,
      paths: [
        "",
        "/opds/kosync",
        "/kosync",
        "/opds/api/koreader",
        "/api/koreader",
        "/opds/koreader",
        "/koreader",
        "/opds/api/ko",
      ],
    });
  });

  test("no search is long: at the most sixteen questions, whatever was typed", () => {
    const questions = sitesToTry("sync.example/a/b/c/d/e").flatMap(({ paths }) => paths);
    expect(questions.length).toBeLessThanOrEqual(16);
  });
});
