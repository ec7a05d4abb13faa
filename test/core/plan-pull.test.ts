import { describe, expect, test } from "vitest";
import { planPull } from "../../src/core/plan-pull.ts";
import type { Book } from "../../src/model/plan.ts";
import type { Rules } from "../../src/model/profile.ts";
import type { Progress } from "../../src/model/progress.ts";
import { column, DAY, profileOf, readingOf, record, T0 } from "./samples.ts";

test("a server ahead of the library becomes one column update", () => {
  const reading = readingOf({ cells: { "#pct": null }, records: [{ percentage: 0.42 }] });
  const plan = planPull([reading], profileOf({ columns: [column("percent", "#pct", "int")] }), 2000);
  expect(plan.updates).toMatchObject([{ book_id: 1, column: "#pct", before: null, after: 42 }]);
});

test("a book that no candidate answered is named and asked about again", () => {
  const plan = planPull([readingOf({ records: [] })], profileOf({}), 2000);
  expect(plan.unanswered).toEqual([1]);
  expect(plan.skipped).toMatchObject([{ book_id: 1, reason: { code: "not_on_server" } }]);
});

test("values of our own do not make a plan one that must be reviewed", () => {
  const known = readingOf({ cells: { "#pct": 40 }, records: [{ percentage: 0.5 }] });
  const ours = { ...known, book: { ...known.book, written: { "#pct": 40 } } };
  const reviews = [ours, known].map((one) => planPull([one], profileOf({ rules: { conflict: "server" } }), T0).review);
  expect(reviews).toMatchObject([[], [{ code: "no_base", data: { books: 1 } }]]);
});

describe("a column mapped since the last sync is filled while the rest is left: the reason is still told", () => {
  const base = { ...record({ progress: "/body/DocFragment[2]" }), book_id: 1, values: { "#pct": 40 } };
  const { device_id: _none, ...agreed } = base;
  const cells = { "#pct": 40, "#status": null };
  const older = { percentage: 0.3, timestamp: T0 - DAY };
  const synced = { percentage: 0.4, progress: base.progress };
  test.each<[string, Partial<Book>, Partial<Progress>, Partial<Rules>]>([
    ["older_record", {}, older, {}],
    ["changed_here", { cells: { ...cells, "#pct": 70 } }, synced, {}],
    ["own_record", {}, { device_id: "calibre-koreader-progress-7" }, {}],
    ["peek", {}, { percentage: 0.002, timestamp: T0 + DAY }, {}],
    ["library_further", {}, { percentage: 0.3, timestamp: T0 + DAY }, { conflict: "furthest" }],
    [
      "policy_library",
      { cells: { ...cells, "#pct": 70 } },
      { percentage: 0.5, timestamp: T0 + DAY },
      { conflict: "library" },
    ],
  ])("%s", (code, book, said, rules) => {
    const plan = planPull(
      [readingOf({ base: agreed, cells, ...book, records: [said] })],
      profileOf({ rules }),
      T0 + 2 * DAY,
    );
    expect(plan.updates).toMatchObject([{ column: "#status", after: "Reading", why: { code: "new_column" } }]);
    expect(plan.skipped.map(({ reason }) => reason.code)).toEqual([code]);
  });

  test("also where the new column has nothing to show", () => {
    const columns = [column("percent", "#pct", "int"), column("place", "#place", "text")];
    const reading = readingOf({ base: agreed, cells: { "#pct": 40, "#place": null }, records: [older] });
    const { updates, skipped } = planPull([reading], profileOf({ columns }), T0 + DAY);
    expect(updates).toEqual([]);
    expect(skipped.map(({ reason }) => reason.code)).toEqual(["older_record"]);
  });

  test("also where the new column is asked about", () => {
    const known = { ...agreed, values: { "#status": "Unread" } };
    const reading = readingOf({ base: known, cells: { "#pct": 70, "#status": "Finished" }, records: [synced] });
    const plan = planPull([reading], profileOf({ rules: { conflict: "ask" } }), T0 + DAY);
    expect(plan.conflicts).toMatchObject([{ why: { code: "no_base_differs" } }]);
    expect(plan.skipped.map(({ reason }) => reason.code)).toEqual(["changed_here"]);
  });
});

describe("the place in words", () => {
  const columns = [column("percent", "#pct", "int"), column("place", "#place", "text")];
  const { device_id: _none, ...agreed } = record({ percentage: 0.4 });
  const base = { ...agreed, book_id: 1, values: { "#pct": 40, "#place": "One: It began." } };
  const cells = { "#pct": 40, "#place": "One: It began." };
  const moved = { percentage: 0.5, timestamp: T0 + DAY };

  test.each(["#_doc_fragment_4_ gone", "", "epubcfi(/4/2!/4)", "loc:77"])(
    "stays when the server's place %j is not understood, and that is said",
    (progress) => {
      const reading = readingOf({ base, cells, written: cells, records: [{ ...moved, progress }] });
      const plan = planPull([reading], profileOf({ columns }), T0 + 2 * DAY);
      expect(plan.updates).toMatchObject([{ column: "#pct", after: 50 }]);
      expect(plan.skipped).toMatchObject([{ reason: { code: "place_untold", data: { column: "#place" } } }]);
      // It is still the reader's agreed value: the next place that is understood replaces it unasked.
      expect(plan.bases).toMatchObject([{ values: { "#pct": 50, "#place": "One: It began." } }]);
    },
  );

  test("says nothing of a cell that is empty, or that the reader filled", () => {
    for (const place of [null, "my own words"]) {
      const reading = readingOf({ base, cells: { ...cells, "#place": place }, records: [moved] });
      const plan = planPull([reading], profileOf({ columns }), T0 + 2 * DAY);
      expect(plan.updates.map((update) => update.column)).toEqual(["#pct"]);
      expect(plan.skipped).toEqual([]);
    }
  });
});

test("a date that nobody knows stays empty when its column is mapped later: the server tells no time", () => {
  const { device_id: _none, ...agreed } = record({ timestamp: null, percentage: 1 });
  const base = { ...agreed, book_id: 1, values: { "#pct": 100, "#status": "Finished" } };
  const columns = [
    column("percent", "#pct", "int"),
    column("status", "#status", "text"),
    column("last_read", "#read", "datetime"),
    column("finished", "#finished", "datetime"),
  ];
  const cells = { "#pct": 100, "#status": "Finished", "#read": null, "#finished": null };
  const same = readingOf({ base, cells, records: [agreed] });
  const own = readingOf({ base, cells, records: [{ device_id: "calibre-koreader-progress-7" }] });
  for (const reading of [same, own]) expect(planPull([reading], profileOf({ columns }), T0).updates).toEqual([]);
  // What was not there at the last run was read since: the run's own time is known then.
  const reading = { ...base, percentage: 0.4, values: { ...base.values, "#pct": 40, "#status": "Reading" } };
  const midway = { base: reading, cells: { ...cells, "#pct": 40, "#status": "Reading" } };
  const read = readingOf({ ...midway, records: [{ ...agreed, progress: "/body/DocFragment[99]" }] });
  expect(planPull([read], profileOf({ columns }), T0).updates.map((update) => update.column)).toContain("#read");
});

test("an undated mark on a device finishes a book now, when the server tells no time", () => {
  const { device_id: _none, ...agreed } = record({ timestamp: null });
  const base = { ...agreed, book_id: 1, values: { "#status": "Reading", "#finished": null } };
  const columns = [column("status", "#status", "text"), column("finished", "#finished", "datetime")];
  const marks = [{ device: "Kobo", status: "complete" as const, at: null }];
  const reading = readingOf({ base, cells: base.values, marks, records: [agreed] });
  expect(planPull([reading], profileOf({ columns }), T0).updates).toMatchObject([
    { column: "#status", after: "Finished" },
    { column: "#finished", after: "2026-01-01T00:00:00+00:00" },
  ]);
});
