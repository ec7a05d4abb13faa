import * as fc from "fast-check";
import { expect, test } from "vitest";
import { asHeard } from "../../src/core/as-heard.ts";
import { planPull } from "../../src/core/plan-pull.ts";
import { planPush } from "../../src/core/plan-push.ts";
import { planUndoPush } from "../../src/core/undo-push.ts";
import type { Declined } from "../../src/model/plan.ts";
import { ConflictPolicy } from "../../src/model/profile.ts";
import type { Progress } from "../../src/model/progress.ts";
import type { CalibrePlace, PutBack, PushReading } from "../../src/model/push.ts";
import { DAY, profileOf, readingOf, record, T0 } from "./samples.ts";

const DOCUMENT = "a".repeat(32);
const EARLIER = record();
const OURS = { progress: "/body/DocFragment[5]/body/p[2]", percentage: 0.5 };
const PUSHED = record({ ...OURS, device: "calibre", device_id: "calibre-push-1", timestamp: T0 + DAY });
const put = (more: Partial<PutBack> = {}): PutBack => ({
  book_id: 1,
  document: DOCUMENT,
  ours: OURS,
  before: EARLIER,
  ...more,
});

test.each<[string, Partial<PutBack>, Progress | null, string, string]>([
  ["the earlier place is put back where ours stands", {}, PUSHED, "put", "push_undone"],
  ["and where a server keeps no device ids", {}, { ...PUSHED, device_id: null }, "put", "push_undone"],
  ["a device that has read on is left", {}, record({ percentage: 0.6, progress: "/x" }), "leave", "push_superseded"],
  ["so is one that has followed to our very place", {}, { ...PUSHED, device_id: "K1" }, "leave", "push_superseded"],
  ["ours is taken away where nothing stood before", { before: null }, PUSHED, "remove", "push_removed"],
  [
    "and where the record before had lost its place",
    { before: record({ progress: "" }) },
    PUSHED,
    "remove",
    "push_removed",
  ],
  ["what is gone already is gone", { before: null }, null, "nothing", "push_removed"],
  [
    "what was put back already is back",
    {},
    record({ device_id: "calibre-koreader-progress-1", timestamp: T0 + 2 * DAY }),
    "nothing",
    "push_undone",
  ],
  ["what we took away is put there again", { ours: null, before: PUSHED }, null, "put", "push_undone"],
  ["but not over what came since", { ours: null, before: PUSHED }, EARLIER, "leave", "push_superseded"],
])("%s", (_what, more, current, does, code) => {
  expect(planUndoPush(put(more), current)).toMatchObject({ does, why: { code } });
});

test("nothing that a device put there is ever replaced", () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  const place = fc.constantFrom(EARLIER.progress, OURS.progress, "/body/elsewhere");
  const deviceId = fc.constantFrom("K1", "phone", "calibre-push-1", "calibre-koreader-progress-1");
  fc.assert(
    fc.property(share, place, deviceId, fc.boolean(), (percentage, progress, device_id, known) => {
      const current = record({ percentage, progress, device_id });
      const step = planUndoPush(put(known ? {} : { before: null }), current);
      const isOurs = progress === OURS.progress && percentage === OURS.percentage && device_id.startsWith("calibre-");
      expect(step.does === "put" || step.does === "remove").toBe(isOurs);
    }),
    { numRuns: 500 },
  );
});

const taken: Declined = { side: "ours", document: DOCUMENT, ...OURS, timestamp: PUSHED.timestamp, at: T0 + 3 * DAY };
const base = {
  book_id: 1,
  document: DOCUMENT,
  percentage: 0.4,
  progress: EARLIER.progress,
  timestamp: T0,
  device: "Kobo",
};
const synced = {
  base: { ...base, values: { "#pct": 40, "#status": "Reading" } },
  cells: { "#pct": 40, "#status": "Reading" },
};
const observed = { book_id: 1, at: T0 + 60, progress: EARLIER };

test("what undo put back is the earlier record again: no news, whatever the policy", () => {
  const back = record({ device: "calibre", device_id: "calibre-koreader-progress-1", timestamp: T0 + 3 * DAY });
  for (const conflict of ConflictPolicy.options) {
    const reading = readingOf({ ...synced, observations: [observed], declined: [taken], records: [back] });
    const plan = planPull([reading], profileOf({ rules: { conflict } }), T0 + 4 * DAY);
    expect([plan.updates, plan.conflicts, plan.bases, plan.observations]).toEqual([[], [], [], []]);
    // A library that had not pulled the earlier record yet still can.
    const fresh = planPull(
      [{ ...reading, book: { ...reading.book, base: null, cells: { "#pct": null } } }],
      profileOf({}),
      T0,
    );
    expect(fresh.updates).toMatchObject([{ column: "#pct", after: 40 }]);
    expect(fresh.bases).toMatchObject([{ device: "Kobo", timestamp: T0 }]);
  }
});

test("our own records that nobody had said before stay ours", () => {
  const { book, answers } = readingOf({
    observations: [observed],
    records: [{ percentage: 0.6, device_id: "calibre-koreader-progress-1" }],
  });
  expect(asHeard(book, answers)).toEqual(answers);
});

function pullCodes(standing: Progress): string[] {
  const reading = readingOf({ ...synced, declined: [taken], records: [standing] });
  const { updates, skipped } = planPull([reading], profileOf({}), T0 + 4 * DAY);
  return [...updates.map(({ why }) => why.code), ...skipped.map(({ reason }) => reason.code)];
}

test("a place that was taken back and still stands is not pulled either, and a device's own word there is", () => {
  expect(pullCodes(PUSHED)).toEqual(["declined"]);
  expect(pullCodes({ ...PUSHED, device: "Kobo", device_id: "K1" })).toContain("read_on");
});

test("a place that was taken back is not pushed again until calibre is read on", () => {
  const pointer = { document: DOCUMENT, progress: OURS.progress, quality: "text" as const, same_place: false };
  const viewer: CalibrePlace = {
    source: "viewer",
    percentage: 0.5,
    at: T0 + DAY,
    ours: false,
    pointers: [pointer],
    words: null,
  };
  const codes = (place: Partial<CalibrePlace>): string[] => {
    const reading: PushReading = {
      ...readingOf({ ...synced, declined: [taken] }),
      places: [{ ...viewer, ...place }],
      untold: null,
    };
    const { puts, skipped } = planPush([reading], profileOf({ rules: { conflict: "library" } }), T0 + 5 * DAY);
    return [...puts.map(({ why }) => why.code), ...skipped.map(({ reason }) => reason.code)];
  };
  expect(codes({})).toEqual(["push_taken_back"]);
  expect(codes({ source: "cell", at: T0 + 4 * DAY })).toEqual(["push_taken_back"]);
  expect(codes({ at: T0 + 4 * DAY })).toEqual(["push_taken_back"]);
  expect(codes({ percentage: 0.52, at: T0 + 4 * DAY })).toEqual(["push_place"]);
});
