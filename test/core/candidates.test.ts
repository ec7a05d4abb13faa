import { describe, expect, test } from "vitest";
import { CANDIDATES_PER_BOOK, chooseCandidates } from "../../src/core/candidates.ts";
import type { KnownDigest } from "../../src/model/digest.ts";

const known = (number: number, more: Partial<KnownDigest> = {}): KnownDigest => ({
  digest: number.toString(16).padStart(32, "0"),
  kind: "partial_md5",
  source: "sent",
  format: null,
  name: null,
  size: null,
  content_key: null,
  device: null,
  first_seen: 0,
  last_seen: 0,
  answered: null,
  ...more,
});

const digestsOf = (digests: readonly KnownDigest[]): string[] => digests.map(({ digest }) => digest);

test("what answered once comes first, then the better source, then what was seen last", () => {
  const predicted = known(1, { source: "predicted", answered: 5 });
  const sidecar = known(2, { source: "sidecar" });
  const [older, newer] = [known(3, { last_seen: 10 }), known(4, { last_seen: 20 })];
  const library = known(5, { source: "library", last_seen: 99 });
  expect(chooseCandidates([library, older, newer, sidecar, predicted], "both")).toEqual([
    predicted,
    sidecar,
    newer,
    older,
    library,
  ]);
});

describe("a book that was sent more often than it may be asked about", () => {
  const old = Array.from({ length: 40 }, (_, index) => known(index, { last_seen: index, answered: 1 }));
  const justSent = known(100, { last_seen: 1000 });

  test("is asked about its likeliest digests", () => {
    const candidates = chooseCandidates(old, "both");
    expect(candidates).toHaveLength(CANDIDATES_PER_BOOK);
    expect(digestsOf(candidates)).toEqual(digestsOf(old.toReversed().slice(0, CANDIDATES_PER_BOOK)));
  });

  test("is always asked about the copy that left last", () => {
    const candidates = chooseCandidates([...old, justSent], "both");
    expect(candidates).toHaveLength(CANDIDATES_PER_BOOK);
    expect(candidates).toContain(justSent);
  });

  test("does not spend this on what nobody saw leaving", () => {
    const guesses = Array.from({ length: 5 }, (_, index) =>
      known(200 + index, { source: "predicted", last_seen: 2000 + index }),
    );
    expect(chooseCandidates([...old, ...guesses], "both").some(({ source }) => source === "predicted")).toBe(false);
  });
});

test("a digest from two sources is asked once, under the better one", () => {
  const twice = [known(1, { source: "library" }), known(1, { source: "sidecar" })];
  expect(chooseCandidates(twice, "both")).toEqual([twice[1]]);
});

test.each([
  ["binary", ["partial_md5"]],
  ["filename", ["filename"]],
  ["both", ["partial_md5", "filename"]],
] as const)("%s matching asks about its own kind of digest", (matching, kinds) => {
  const digests = [known(1), known(2, { kind: "filename" })];
  expect(chooseCandidates(digests, matching).map(({ kind }) => kind)).toEqual(kinds);
});
