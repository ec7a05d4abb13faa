import * as fc from "fast-check";
import { expect, test } from "vitest";
import { planPull } from "../../src/core/plan-pull.ts";
import { planPush, pushTargets } from "../../src/core/plan-push.ts";
import type { Book } from "../../src/model/plan.ts";
import { ConflictPolicy } from "../../src/model/profile.ts";
import type { Rules } from "../../src/model/profile.ts";
import type { CalibrePlace, PlacePointer, PushPlan, PushReading } from "../../src/model/push.ts";
import { evenShare } from "./small-world.ts";
import { answerOf, column, DAY, profileOf, readingOf, record, T0 } from "./samples.ts";

const NOW = T0 + 10 * DAY;
const DOCUMENT = "a".repeat(32);
const OTHER = "b".repeat(32);
const BASE: Book["base"] = {
  book_id: 1,
  document: DOCUMENT,
  percentage: 0.4,
  progress: record().progress,
  timestamp: T0,
  device: "Kobo",
  values: { "#pct": 40, "#status": "Reading" },
};
const synced = { base: BASE, cells: { "#pct": 40, "#status": "Reading" } };

function pointer(more: Partial<PlacePointer> = {}): PlacePointer {
  return {
    document: DOCUMENT,
    progress: "/body/DocFragment[5]/body/p[2]",
    quality: "text",
    same_place: false,
    ...more,
  };
}

function place(more: Partial<CalibrePlace> = {}): CalibrePlace {
  return {
    source: "viewer",
    percentage: 0.5,
    at: T0 + 2 * DAY,
    ours: false,
    pointers: [pointer()],
    words: null,
    ...more,
  };
}

function reading(
  places: CalibrePlace[],
  records: NonNullable<Parameters<typeof answerOf>[0]>[] = [{}],
  book: Partial<Book> = synced,
): PushReading {
  return { ...readingOf({ ...book, records }), places, untold: null };
}

function pushOf(one: PushReading, rules: Partial<Rules> = {}): PushPlan {
  return planPush([one], profileOf({ rules }), NOW);
}

const reasons = (plan: PushPlan): string[] => plan.skipped.map(({ reason }) => reason.code);

test("a newer place in calibre's viewer goes to the server, and the columns follow it", () => {
  const plan = pushOf(reading([place()]));
  expect(plan.puts).toMatchObject([{ document: DOCUMENT, percentage: 0.5, before: { percentage: 0.4 } }]);
  expect(plan.updates).toMatchObject([{ column: "#pct", before: 40, after: 50 }]);
  expect(plan.bases).toMatchObject([{ percentage: 0.5, timestamp: null, values: { "#pct": 50 } }]);
});

test("a profile that shows nothing but when a book was synced knows what the server said before", () => {
  const columns = [column("last_synced", "#synced", "datetime")];
  const synced_at = { "#synced": null };
  const book = { base: { ...BASE, values: synced_at }, cells: synced_at };
  for (const conflict of ["ask", "server"] as const) {
    const profile = profileOf({ columns, rules: { conflict } });
    const plan = planPush([reading([place()], [{}], book)], profile, NOW);
    expect(plan).toMatchObject({ puts: [{ percentage: 0.5 }], conflicts: [], skipped: [] });
  }
  const nothing = planPull([readingOf({ ...book, records: [{}] })], profileOf({ columns }), NOW);
  expect(nothing).toMatchObject({ updates: [], conflicts: [], bases: [] });
});

test("what was pushed is no news to the next pull", () => {
  const [base] = pushOf(reading([place()])).bases;
  if (base === undefined) throw new Error("nothing was pushed");
  const { progress, percentage, values } = base;
  const records = [{ progress, percentage, device: "calibre", device_id: "calibre-push-1", timestamp: NOW + 3 }];
  const after = readingOf({ base: { ...base, timestamp: NOW + 3 }, cells: values, records });
  expect(planPull([after], profileOf({}), NOW + 60).updates).toEqual([]);
});

test.each([
  ["the viewer has nothing newer than the last sync", [place({ at: T0 - 60 })], "push_nothing_new"],
  ["the newest place is one we delivered", [place({ ours: true, at: T0 + 3 * DAY }), place()], "push_came_from_server"],
  ["the viewer stands where the server is", [place({ pointers: [pointer({ same_place: true })] })], "push_same_place"],
  [
    "no words of the reader's could be found",
    [place({ pointers: [pointer({ progress: null })] })],
    "push_not_verified",
  ],
  ["only the chapter could be found", [place({ pointers: [pointer({ quality: "fragment" })] })], "push_not_verified"],
  ["calibre only opened the book", [place({ percentage: 0.001 })], "push_peek"],
  ["calibre has no place in it", [], "push_nothing_new"],
] as const)("nothing is sent when %s", (_when, places, code) => {
  const plan = pushOf(reading([...places]));
  expect({ puts: plan.puts, codes: reasons(plan) }).toEqual({ puts: [], codes: [code] });
});

test("nothing is sent when no copy of the book is known to any reader", () => {
  expect(reasons(pushOf(reading([place()], [])))).toEqual(["push_no_document"]);
});

test("a book that the server does not know is put under the copies that really exist", () => {
  const digests = (["sent", "predicted"] as const).map((source, index) => {
    const document = index === 0 ? DOCUMENT : OTHER;
    return answerOf({ document, source }).candidate;
  });
  const one = reading([place()], [], { digests });
  expect(pushTargets(one.book, [])).toEqual([DOCUMENT]);
  expect(pushOf(one).puts).toMatchObject([{ document: DOCUMENT, before: null, why: { code: "push_first" } }]);
});

test("every copy the server knows gets the place in its own words", () => {
  const pointers = [pointer(), pointer({ document: OTHER, progress: "/body/DocFragment[6]/body/p[2]" })];
  const plan = pushOf(reading([place({ pointers })], [{}, { document: OTHER, timestamp: T0 - DAY }]));
  expect(plan.puts.map(({ document, progress }) => [document, progress])).toEqual(
    pointers.map(({ document, progress }) => [document, progress]),
  );
});

const moved = [{ percentage: 0.45, timestamp: T0 + DAY }];

test.each([
  ["newest", 2, "put"],
  ["newest", 0.5, "push_server_newer"],
  ["furthest", 0.5, "put"],
  ["server", 2, "push_policy_server"],
  ["library", 0.5, "put"],
  ["ask", 2, "asked"],
] as const)("with both changed, `%s` and calibre's place of day %d: %s", (conflict, day, outcome) => {
  const plan = pushOf(reading([place({ at: T0 + day * DAY })], moved), { conflict });
  const did = plan.puts.length > 0 ? "put" : plan.conflicts.length > 0 ? "asked" : reasons(plan)[0];
  expect(did).toBe(outcome);
});

test("readers are not sent a larger step back unasked, nor out of a finished book", () => {
  const back = pushOf(reading([place({ percentage: 0.2 })]));
  expect(back).toMatchObject({
    puts: [],
    conflicts: [{ puts: [{ percentage: 0.2 }], why: { code: "push_step_back" } }],
  });
  const done = pushOf(reading([place({ percentage: 0.97 })], [{ percentage: 1, timestamp: T0 + DAY }]));
  expect(done).toMatchObject({ puts: [], conflicts: [{ why: { code: "push_finished" } }] });
});

test("a percentage typed for one book is sent as it was typed, a bulk edit is not", () => {
  const cells = { "#pct": 43, "#status": "Reading" };
  const typed = place({ source: "cell", percentage: 0.43, pointers: [pointer({ quality: "percent" })] });
  const one = reading([typed], [{}], { ...synced, cells });
  const plan = pushOf(one);
  expect(plan.puts).toMatchObject([{ percentage: 0.43, why: { code: "push_typed" } }]);
  expect(plan.bases).toMatchObject([{ percentage: 0.43, values: { "#pct": 43 } }]);
  const two = { ...one, book: { ...one.book, book_id: 2 } };
  const bulk = planPush([one, two], profileOf({}), NOW);
  expect({ puts: bulk.puts, codes: reasons(bulk) }).toEqual({ puts: [], codes: ["push_many", "push_many"] });
});

test("whatever the policy, a push goes to known copies only, and never far back unasked", () => {
  const share = evenShare;
  fc.assert(
    fc.property(
      fc.constantFrom(...ConflictPolicy.options),
      share,
      share,
      fc.integer({ min: -5, max: 9 }),
      fc.integer({ min: -5, max: 9 }),
      (conflict, here, there, day, serverDay) => {
        const one = reading(
          [place({ percentage: here, at: T0 + day * DAY })],
          [{ percentage: there, timestamp: T0 + serverDay * DAY }],
        );
        const { puts } = pushOf(one, { conflict });
        const wrong = puts.filter(
          ({ document, percentage }) => document !== DOCUMENT || there - percentage > 0.05 + 1e-6,
        );
        expect(wrong).toEqual([]);
      },
    ),
    { numRuns: 500 },
  );
});
