import { expect, test } from "vitest";
import { planMoves } from "../../src/core/move.ts";
import type { RememberedBook } from "../../src/model/move.ts";
import type { Progress } from "../../src/model/progress.ts";
import { knownDigestOf } from "../support/models.ts";

const place = (document: string, percentage: number, timestamp: number | null, own: Partial<Progress> = {}) => ({
  document,
  percentage,
  progress: `/body/p[${percentage * 100}]`,
  device: "Kobo",
  device_id: "K",
  timestamp,
  ...own,
});

const book = (own: Partial<RememberedBook>): RememberedBook => ({
  book_id: 1,
  base: null,
  observations: [],
  declined: [],
  digests: [],
  ...own,
});

const heard = (...places: Progress[]) => places.map((progress) => ({ book_id: 1, at: 5, progress }));

const baseOf = ({ device_id: _device, ...agreed }: Progress) => ({ book_id: 1, ...agreed, values: {} });

const copy = (digest: string, content_key: string | null, source: "sent" | "predicted" = "sent") => ({
  ...knownDigestOf(digest),
  source,
  content_key,
});

const moved = (own: Partial<RememberedBook>): [string, number][] =>
  planMoves([book(own)], 0.01).map(({ document, progress }) => [document, progress.percentage]);

test("the newest place goes along: what was agreed on, or what was heard after it", () => {
  const agreed = place("a", 0.3, 100);
  expect(moved({ base: baseOf(agreed), observations: heard(agreed) })).toEqual([["a", 0.3]]);
  expect(moved({ base: baseOf(agreed), observations: heard(agreed, place("a", 0.5, 200)) })).toEqual([["a", 0.5]]);
  expect(moved({ base: baseOf(agreed), observations: heard(place("b", 0.9, 50)) })).toEqual([["a", 0.3]]);
});

test("what the reader said no to, a peek, what calibre put itself, and a bare percentage are no reading", () => {
  const no = place("a", 0.8, 300);
  const declined = [
    { side: "theirs" as const, at: 9, document: "a", percentage: 0.8, progress: no.progress, timestamp: 300 },
  ];
  expect(moved({ observations: heard(place("a", 0.2, 100), no), declined })).toEqual([["a", 0.2]]);
  expect(moved({ observations: heard(place("a", 0.4, 100), place("b", 0.001, 200)) })).toEqual([["a", 0.4]]);
  const ours = place("b", 0.9, 400, { device_id: "calibre-koreader-progress-x" });
  expect(moved({ observations: heard(place("a", 0.4, 100), ours) })).toEqual([["a", 0.4]]);
  expect(moved({ observations: heard(place("a", 0.4, 100, { progress: "" })) })).toEqual([]);
  expect(moved({})).toEqual([]);
});

test("it goes under every copy of the same text that left calibre, and under none of another text", () => {
  const digests = [
    copy("a", "2:x"),
    copy("b", "2:x"),
    copy("c", "2:y"),
    copy("d", null),
    copy("e", "2:x", "predicted"),
  ];
  expect(moved({ observations: heard(place("a", 0.4, 1)), digests })).toEqual([
    ["a", 0.4],
    ["b", 0.4],
  ]);
  expect(moved({ observations: heard(place("name", 0.4, 1)), digests })).toEqual([["name", 0.4]]);
});
