/** Stars, reviews and hours that only a reader's own files tell. */
import { describe, expect, test } from "vitest";
import { planPull } from "../../src/core/plan-pull.ts";
import type { Cell } from "../../src/model/cell.ts";
import type { DeviceReading } from "../../src/model/device-reading.ts";
import type { Book, PullPlan } from "../../src/model/plan.ts";
import type { ColumnMapping, Rules } from "../../src/model/profile.ts";
import { deviceReadingOf, knownDigestOf } from "../support/models.ts";
import { column, DAY, profileOf, readingOf, T0 } from "./samples.ts";

const DOCUMENT = "a".repeat(32);
const OTHER = "b".repeat(32);
const NOW = T0 + 10 * DAY;
const STARS = column("rating", "#stars", "rating");
const REVIEW = column("review", "#review", "comments");

const file = (more: Partial<DeviceReading> = {}): DeviceReading =>
  deviceReadingOf(DOCUMENT, { at: T0, percentage: 0.4, progress: "/p", ...more });
const hours = (more: Partial<DeviceReading> = {}): DeviceReading =>
  deviceReadingOf(DOCUMENT, { source: "statistics", at: T0, last_read: T0, ...more });

function planOf(
  columns: ColumnMapping[],
  readings: DeviceReading[],
  book: Partial<Book> = {},
  rules: Partial<Rules> = {},
): PullPlan {
  const digests = [DOCUMENT, OTHER].map((digest) => knownDigestOf(digest, { source: "sidecar" }));
  const cells = Object.fromEntries(columns.map((mapping) => [mapping.column, null]));
  const profile = profileOf({ ran_before: true, columns, rules });
  return planPull(
    [readingOf({ digests, readings, records: [], ...book, cells: { ...cells, ...book.cells } })],
    profile,
    NOW,
  );
}

const cellsOf = ({ updates }: PullPlan): Record<string, Cell> =>
  Object.fromEntries(updates.map((update) => [update.column, update.after]));

/** The book after its plan was written, as the plugin remembers it. */
function written(plan: PullPlan, book: Partial<Book> = {}): Partial<Book> {
  const cells = { ...book.cells, ...cellsOf(plan) };
  return { ...book, cells, written: { ...book.written, ...cellsOf(plan) }, base: plan.bases[0] ?? book.base ?? null };
}

describe("stars", () => {
  test.each([
    ["rating", 4, 8],
    ["rating", 1, 2],
    ["int", 4, 4],
  ] as const)("in a column of datatype %s, %d stars are %d", (datatype, rating, cell) => {
    expect(cellsOf(planOf([column("rating", "#stars", datatype)], [file({ rating })]))).toEqual({ "#stars": cell });
  });

  test.each([
    [9, 4],
    [9, 5],
    [7, 4],
  ])("half a star of the library's (%d) outlasts the reader's %d whole ones", (cell, rating) => {
    const plan = planOf([STARS], [file({ rating })], { cells: { "#stars": cell }, written: { "#stars": cell } });
    expect(plan.updates).toEqual([]);
  });

  test("no stars on the reader take none away", () => {
    const book = written(planOf([STARS], [file({ rating: 4 })]));
    expect(planOf([STARS], [file({ at: T0 + DAY })], book).updates).toEqual([]);
  });

  test("other stars, given later, are followed where the reader's own hand was not in between", () => {
    const book = written(planOf([STARS], [file({ rating: 4 })]));
    const later = [file({ rating: 2, at: T0 + DAY })];
    expect(cellsOf(planOf([STARS], later, book))).toEqual({ "#stars": 4 });
    const byHand = { ...book, cells: { "#stars": 10 } };
    const kept = planOf([STARS], later, byHand);
    expect([kept.updates, kept.skipped.map(({ reason }) => reason.code)]).toEqual([[], ["told_kept"]]);
    expect(cellsOf(planOf([STARS], later, byHand, { conflict: "server" }))).toEqual({ "#stars": 4 });
  });

  test("stars that were given while the place stayed are news, and asked for once", () => {
    const before = planOf([STARS], [file()]);
    const book = { ...written(before), observations: before.observations };
    const rated = [file({ rating: 5, at: T0 + 60 })];
    const plan = planOf([STARS], rated, book);
    expect(cellsOf(plan)).toEqual({ "#stars": 10 });
    expect(planOf([STARS], rated, written(plan, book)).updates).toEqual([]);
  });

  test("what was emptied in the library stays empty", () => {
    const book = written(planOf([STARS], [file({ rating: 4 })]));
    expect(
      planOf([STARS], [file({ rating: 4, at: T0 + DAY })], { ...book, cells: { "#stars": null } }).updates,
    ).toEqual([]);
  });

  test("a restored card takes no stars back", () => {
    const before = planOf([STARS], [file({ rating: 5, at: T0 + DAY, percentage: 0.5 })]);
    const book = { ...written(before), observations: before.observations };
    expect(planOf([STARS], [file({ rating: 3 })], book).updates).toEqual([]);
  });

  test("what the reader filled by hand makes room when it is emptied again", () => {
    const byHand = { cells: { "#stars": 4 } };
    const kept = planOf([STARS], [file({ rating: 5 })], byHand);
    const emptied = { ...written(kept, byHand), cells: { "#stars": null } };
    expect(cellsOf(planOf([STARS], [file({ rating: 5, at: T0 + DAY })], emptied))).toEqual({ "#stars": 10 });
  });

  test("what was undone is not offered again", () => {
    const [base] = planOf([STARS], [file({ rating: 4 })]).bases;
    if (base === undefined) throw new Error("no base");
    const { document, percentage, progress, timestamp } = base;
    const declined = [{ side: "theirs" as const, document, percentage, progress, timestamp, at: NOW }];
    expect(planOf([STARS], [file({ rating: 4 })], { declined }).updates).toEqual([]);
  });
});

describe("a review", () => {
  const review = "Fine & <b>bold</b>.\nTwice.\n\nEnd_";
  test.each([
    ["html", "<p>Fine &amp; &lt;b&gt;bold&lt;/b&gt;.<br>Twice.</p>\n<p>End_</p>"],
    ["markdown", "Fine &amp; &lt;b&gt;bold&lt;/b&gt;\\.  \nTwice\\.\n\nEnd\\_"],
    ["long-text", review],
  ] as const)("keeps its newlines, and its letters are no markup: %s", (interpret_as, after) => {
    expect(cellsOf(planOf([{ ...REVIEW, interpret_as }], [file({ review })]))).toEqual({ "#review": after });
  });
});

describe("hours and days", () => {
  const columns = [
    column("read_time", "#time", "int"),
    column("days_read", "#days", "int"),
    column("time_left", "#left", "text"),
  ];
  const told = { read_time: 3600 * 5 + 12 * 60, read_on: [20_000, 20_001, 20_005], time_left: 3 * 3600 };

  test("come from the statistics beside the place", () => {
    const plan = planOf(columns, [file(), hours(told)]);
    expect(cellsOf(plan)).toEqual({ "#time": 312, "#days": 3, "#left": "3 h 0 min" });
  });

  test.each([
    ["int", 312],
    ["float", 5.2],
    ["text", "5 h 12 min"],
  ] as const)("as %s are %s", (datatype, after) => {
    expect(cellsOf(planOf([column("read_time", "#time", datatype)], [file(), hours(told)]))).toEqual({
      "#time": after,
    });
  });

  test("are one copy's however many devices share them, and the sum over copies", () => {
    const shared = hours({ ...told, device_id: "card-2", read_time: 60 });
    const other = hours({ ...told, digest: OTHER, read_time: 600, read_on: [19_999] });
    expect(cellsOf(planOf(columns.slice(0, 2), [file(), hours(told), shared, other]))).toEqual({
      "#time": 322,
      "#days": 4,
    });
  });

  test("a day on which two copies were read, or two devices, is one day", () => {
    const copy = hours({ ...told, digest: OTHER, read_on: [20_001, 20_005, 20_006] });
    const phone = hours({ ...told, device_id: "phone", read_on: [20_000, 20_007] });
    for (const readings of [
      [hours(told), copy, phone],
      [phone, phone, copy, hours(told)],
    ]) {
      expect(cellsOf(planOf(columns.slice(1, 2), [file(), ...readings]))).toEqual({ "#days": 5 });
    }
  });

  test("never shrink: a database that was reset says nothing", () => {
    const book = written(planOf(columns, [file(), hours(told)]));
    const less = hours({ ...told, read_time: 60, read_on: [20_001] });
    expect(cellsOf(planOf(columns.slice(0, 2), [file(), less], book))).toEqual({});
  });

  test("a finished book has none left", () => {
    expect(cellsOf(planOf([columns[2] ?? STARS], [file({ percentage: 1 }), hours(told)]))).toEqual({
      "#left": "0 min",
    });
  });
});

describe("of a book that only statistics know", () => {
  const columns = [column("percent", "#pct", "int"), column("read_time", "#time", "int")];
  const told = hours({ read_time: 7200, read_on: [20_000] });

  test("the hours are filled, a place is not, and nothing is agreed on", () => {
    const plan = planOf(columns, [told]);
    expect([cellsOf(plan), plan.skipped, plan.bases, plan.observations]).toEqual([{ "#time": 120 }, [], [], []]);
    const again = planOf(columns, [told], written(plan));
    expect([again.updates, again.placeless, again.skipped.map(({ reason }) => reason.code)]).toEqual([
      [],
      [],
      ["not_on_server"],
    ]);
  });

  test("a place that comes later is the first, and asks nothing about the hours", () => {
    const book = written(planOf(columns, [told]));
    const plan = planOf(columns, [told, file()], book);
    expect([cellsOf(plan), plan.conflicts]).toEqual([{ "#pct": 40 }, []]);
    expect(plan.updates[0]?.why.code).toBe("first_seen");
  });

  test("a place typed by hand stays, and more hours need no review", () => {
    const typed = { cells: { "#pct": 70 } };
    const book = written(planOf(columns, [told], typed), typed);
    const more = planOf(columns, [hours({ read_time: 9000, read_on: [20_000], at: T0 + DAY })], book);
    expect([cellsOf(more), more.review]).toEqual([{ "#time": 150 }, []]);
  });

  test("what was undone comes back only with more hours, and what was emptied not at all", () => {
    const plan = planOf(columns, [told]);
    const [stand] = plan.placeless;
    if (stand === undefined) throw new Error("nothing stands for them");
    const { document, percentage, progress, timestamp } = stand;
    const declined = [{ side: "theirs" as const, document, percentage, progress, timestamp, at: T0 + 60 }];
    expect(planOf(columns, [told], { declined }).updates).toEqual([]);
    expect(cellsOf(planOf(columns, [{ ...told, at: T0 + 120, read_time: 9000 }], { declined }))).toEqual({
      "#time": 150,
    });
    const emptied = { ...written(plan), cells: { "#time": null } };
    expect(planOf(columns, [{ ...told, at: T0 + 120, read_time: 9000 }], emptied).updates).toEqual([]);
  });

  test("stars without a place come too", () => {
    expect(cellsOf(planOf([STARS], [file({ percentage: null, progress: null, rating: 3 })]))).toEqual({ "#stars": 6 });
  });
});

describe("dates", () => {
  const started = column("started", "#started", "datetime");
  const finished = column("finished", "#finished", "datetime");

  test("a book was started when the statistics say, also where it came finished", () => {
    const plan = planOf([started], [file({ percentage: 1 }), hours({ started: T0 - 9 * DAY })]);
    expect(cellsOf(plan)).toEqual({ "#started": "2025-12-23T00:00:00+00:00" });
    expect(plan.updates.map(({ why }) => why.code)).toEqual(["started_told"]);
  });

  test("what we wrote ourselves gives way to an earlier start", () => {
    const before = planOf([started], [file()]);
    const book = { ...written(before), observations: before.observations };
    const plan = planOf([started], [file({ at: T0 + DAY, percentage: 0.5 }), hours({ started: T0 - DAY })], book);
    expect(cellsOf(plan)).toEqual({ "#started": "2025-12-31T00:00:00+00:00" });
  });

  test.each([12, NOW + DAY])("a clock that stood at %d tells no start", (at) => {
    expect(cellsOf(planOf([started], [file({ percentage: 1 }), hours({ started: at })]))).toEqual({});
  });

  test("a mark has a day, and the statistics its hour", () => {
    const mark = file({ percentage: 0.94, status: "complete", marked: T0 });
    const plan = planOf([finished], [mark, hours({ last_read: T0 + 20 * 3600 })]);
    expect(cellsOf(plan)).toEqual({ "#finished": "2026-01-01T20:00:00+00:00" });
  });
});
