/** What a reader's own files tell beside a server, or without one. */
import { describe, expect, test } from "vitest";
import { planPull } from "../../src/core/plan-pull.ts";
import type { DeviceReading } from "../../src/model/device-reading.ts";
import type { Base, Book, PullPlan } from "../../src/model/plan.ts";
import { deviceReadingOf, knownDigestOf } from "../support/models.ts";
import { column, DAY, profileOf, readingOf, record, T0 } from "./samples.ts";
import type { answerOf } from "./samples.ts";

const DOCUMENT = "a".repeat(32);
const POINTER = record().progress;
const NOW = T0 + 10 * DAY;
const PROFILE = profileOf({ ran_before: true });
const BASE: Base = {
  book_id: 1,
  document: DOCUMENT,
  percentage: 0.4,
  progress: POINTER,
  timestamp: T0,
  device: "Kobo",
  values: { "#pct": 40, "#status": "Reading" },
};
const SYNCED: Partial<Book> = { base: BASE, cells: { ...BASE.values } };

function fileOf(more: Partial<DeviceReading> = {}): DeviceReading {
  return deviceReadingOf(DOCUMENT, { at: T0, percentage: 0.4, progress: POINTER, ...more });
}

function planOf(
  readings: DeviceReading[],
  records: Parameters<typeof answerOf>[0][] = [],
  more: Partial<Book> = {},
  profile = PROFILE,
): PullPlan {
  const digests = [knownDigestOf(DOCUMENT, { source: "sidecar" })];
  return planPull([readingOf({ digests, readings, records, ...more })], profile, NOW);
}

const cellsOf = ({ updates }: PullPlan): object =>
  Object.fromEntries(updates.map(({ column: name, after }) => [name, after]));
const codesOf = ({ skipped, conflicts }: PullPlan): string[] => [
  ...conflicts.map(({ why }) => why.code),
  ...skipped.map(({ reason }) => reason.code),
];

test("a card alone fills the columns", () => {
  const plan = planOf([fileOf({ percentage: 0.94, status: "complete", marked: T0 })]);
  expect(cellsOf(plan)).toEqual({ "#pct": 94, "#status": "Finished" });
  expect(plan.bases).toMatchObject([{ document: DOCUMENT, percentage: 0.94, timestamp: T0, device: "Kobo eReader" }]);
  expect(plan.observations).toMatchObject([{ progress: { device: "Kobo eReader", timestamp: T0 } }]);
});

describe("a file and a record", () => {
  test.each([
    ["of one closing", { at: T0 + 300 }, {}, "Kobo"],
    ["rendered otherwise", { at: T0, percentage: 0.405, progress: "/body/DocFragment[9]" }, {}, "Kobo"],
    ["with one pointer", { at: T0, percentage: 0.48 }, {}, "Kobo"],
    ["older by months", { at: T0 - 90 * DAY }, {}, "Kobo"],
    ["undated", { at: null }, {}, "Kobo"],
    ["from a clock that lost its date", { at: 12 }, {}, "Kobo"],
  ] as const)("%s are one story, and the record's", (_kind, file, said, device) => {
    const plan = planOf([fileOf(file)], [said]);
    expect(plan.observations.map(({ progress }) => progress.device)).toEqual([device]);
    expect(plan.bases).toMatchObject([{ device, timestamp: T0, percentage: 0.4 }]);
  });

  test.each([
    ["closed later", { at: T0 + 301 }, [{}]],
    ["at another place", { at: T0, percentage: 0.41, progress: "/body/DocFragment[9]" }, [{}]],
    ["of a reader among several", {}, [{}, { document: "b".repeat(32), device: "Phone", device_id: "P" }]],
  ])("%s are two", (_kind, file, records) => {
    const plan = planOf([fileOf(file)], records);
    expect(plan.observations).toHaveLength(1 + records.length);
  });

  test("are two when cards of two readers tell of the document", () => {
    const other = fileOf({ device: "PocketBook", device_id: "card-2" });
    expect(planOf([fileOf(), other], [{}]).observations).toHaveLength(3);
  });

  test("are one among several when they call the reader by one name", () => {
    const phone = { document: "b".repeat(32), device: "Phone", device_id: "P" };
    expect(planOf([fileOf({ device: "kobo " })], [{}, phone]).observations).toHaveLength(2);
  });
});

test("the newer of two stories is taken", () => {
  const plan = planOf([fileOf({ percentage: 0.6, at: T0 + DAY })], [{}], SYNCED);
  expect(cellsOf(plan)).toEqual({ "#pct": 60 });
});

test("an older file changes nothing", () => {
  const plan = planOf([fileOf({ percentage: 0.2, at: T0 - DAY })], [], SYNCED);
  expect([plan.updates, plan.conflicts, codesOf(plan)]).toEqual([[], [], ["older_record"]]);
});

test.each([0.38, 0.2])("a copied folder at %d %, with the time of its copying, is asked about", (percentage) => {
  const plan = planOf([fileOf({ percentage, progress: "/body/DocFragment[1]", at: T0 + DAY })], [], SYNCED);
  expect([plan.updates, codesOf(plan)]).toEqual([[], ["step_back"]]);
});

test("a page turned back is taken quietly", () => {
  const plan = planOf([fileOf({ percentage: 0.396, at: T0 + DAY, progress: "/body/DocFragment[2]" })], [], SYNCED);
  expect(plan.conflicts).toEqual([]);
  expect(plan.bases).toMatchObject([{ percentage: 0.396 }]);
});

test("a file whose digest was taken from the book says nothing of it", () => {
  const digests = [knownDigestOf("c".repeat(32))];
  const plan = planPull([readingOf({ digests, readings: [fileOf()], records: [] })], PROFILE, NOW);
  expect([plan.updates, plan.observations, plan.unanswered]).toEqual([[], [], [1]]);
});

test("a file that tells no place leaves what is there", () => {
  const plan = planOf([fileOf({ percentage: null, progress: null })], [], SYNCED);
  expect([plan.updates, plan.conflicts, plan.bases]).toEqual([[], [], []]);
});

test("the server's word for a closing that a card told first takes its place", () => {
  const file = fileOf({ at: T0 + 40 });
  const told = { ...BASE, device: "Kobo eReader", timestamp: T0 + 40 };
  const seen = record({ device: "Kobo eReader", device_id: "card-1", timestamp: T0 + 40 });
  const profile = profileOf({ ran_before: true, columns: [column("device", "#device", "text")] });
  const base = { ...told, values: { "#device": "Kobo eReader" } };
  const book = { base, cells: { ...base.values }, observations: [{ book_id: 1, at: NOW, progress: seen }] };
  const plan = planOf([file], [{}], book, profile);
  expect(cellsOf(plan)).toEqual({ "#device": "Kobo" });
  expect(plan.bases).toMatchObject([{ timestamp: T0 }]);
});

test("a book that two libraries' cards claim is settled as a server's record is", () => {
  const digests = [knownDigestOf(DOCUMENT, { source: "sidecar" })];
  const one = readingOf({ digests, readings: [fileOf()], records: [] });
  const other = { ...one, book: { ...one.book, book_id: 2, title: "Persuasion" } };
  const plan = planPull([one, other], PROFILE, NOW);
  expect([plan.updates, codesOf(plan)]).toEqual([[], ["document_ambiguous", "document_ambiguous"]]);
});
