/** What readers of this field complain about, each as the situation in which it happened to them. */
import { describe, expect, test } from "vitest";
import { planPull } from "../../src/core/plan-pull.ts";
import { settleConflicts } from "../../src/core/settle-conflicts.ts";
import type { PullPlan } from "../../src/model/plan.ts";
import { column, DAY, profileOf, readingOf, T0 } from "./samples.ts";
import { ALL_COLUMNS, SmallWorld } from "./small-world.ts";

/** A reader's weeks with one book, in a few words. */
function world(rules: ConstructorParameters<typeof SmallWorld>[0] = {}): SmallWorld {
  return new SmallWorld(rules);
}

function syncs(of: SmallWorld, choice: "theirs" | "ours" | "later" = "later"): PullPlan {
  const plan = of.plan();
  of.apply(plan, choice);
  return plan;
}

function reads(of: SmallWorld, device: "A" | "B", ...shares: readonly number[]): void {
  for (const share of shares) {
    of.now += DAY;
    of.push(device, share);
  }
}

const reasons = (plan: PullPlan): string[] => plan.skipped.map(({ reason }) => reason.code);

describe("conflicts", () => {
  test("moved backwards silently", () => {
    const book = world();
    reads(book, "A", 0.8);
    syncs(book);
    reads(book, "A", 0.3);
    expect(syncs(book)).toMatchObject({ updates: [], conflicts: [{ why: { code: "step_back" } }] });
    expect(book.book.cells["#pct"]).toBe(80);
  });

  test("a stale device overwrote newer reading", () => {
    const book = world();
    reads(book, "B", 0.2);
    reads(book, "A", 0.8);
    syncs(book);
    expect(book.book.cells["#pct"]).toBe(80);
    // It comes back from a drawer and uploads its old place anew.
    reads(book, "B", 0.2);
    expect(syncs(book).updates).toEqual([]);
    expect(book.book.cells).toMatchObject({ "#pct": 80, "#device": "A" });
  });

  test("a stale device re-opened a finished book", () => {
    const book = world({ reread: "count" });
    reads(book, "A", 0.5, 1);
    syncs(book);
    reads(book, "B", 0.4);
    expect(reasons(syncs(book))).toEqual(["finished_stays"]);
    expect(book.book.cells).toMatchObject({ "#pct": 100, "#status": "Finished" });
  });

  test("asked twice about what was just settled", () => {
    for (const choice of ["theirs", "ours"] as const) {
      const book = world();
      reads(book, "A", 0.8);
      syncs(book);
      reads(book, "A", 0.3);
      expect(syncs(book, choice).conflicts).toHaveLength(1);
      expect(syncs(book)).toMatchObject({ updates: [], conflicts: [] });
      book.now += 30 * DAY;
      expect(syncs(book)).toMatchObject({ updates: [], conflicts: [] });
    }
  });

  test("two devices were overwritten instead of merged", () => {
    const book = world();
    reads(book, "A", 0.3);
    syncs(book);
    reads(book, "B", 0.35);
    syncs(book);
    reads(book, "A", 0.5);
    syncs(book);
    expect(book.book.cells).toMatchObject({ "#pct": 50, "#device": "A" });
    expect(book.book.observations.map(({ progress }) => progress.device)).toEqual(["A", "B", "A"]);
  });

  test("something was overwritten without a trace", () => {
    const book = world();
    book.edit("#pct", 12);
    const before = structuredClone(book.book.cells);
    reads(book, "A", 0.4);
    const plan = syncs(book, "theirs");
    const all = [...plan.updates, ...plan.conflicts.flatMap(({ updates }) => updates)];
    expect(all.every(({ before: was, column: name }) => was === before[name])).toBe(true);
    book.undo();
    expect(book.book.cells).toEqual(before);
  });

  test("the command line's --policy newest took 80 % back to 30 %, which is never done unasked", () => {
    const book = world();
    reads(book, "A", 0.8);
    syncs(book);
    reads(book, "A", 0.3);
    const plan = book.plan();
    const sides = (policy: Parameters<typeof settleConflicts>[1]): unknown[] =>
      settleConflicts(plan, policy).conflicts.map(({ side }) => side);
    expect(sides("server")).toEqual(["theirs"]);
    expect(sides("newest")).toEqual([null]);
    expect(sides("library")).toEqual(["ours"]);
    expect(sides("furthest")).toEqual(["ours"]);
    expect(sides("ask")).toEqual([null]);
    // What is taken on the reader's word is not told as never taken.
    const [taken] = settleConflicts(plan, "server").conflicts;
    expect(JSON.stringify(taken)).not.toContain('"step_back"');
    expect(taken?.updates.find(({ column: name }) => name === "#pct")?.why.code).toBe("step_back_chosen");
    expect(plan.conflicts[0]?.updates.find(({ column: name }) => name === "#pct")?.after).toBe(30);
  });

  test("a place of one copy was shown with the percentage of another", () => {
    const book = world({ conflict: "furthest" });
    reads(book, "A", 0.6);
    reads(book, "B", 0.4);
    syncs(book);
    expect(book.book.cells).toMatchObject({ "#pct": 60, "#device": "A", "#loc": "/body/DocFragment[1]/body/p[601]" });
  });
});

describe("status", () => {
  test.each([0.99, 0.995, 1])("%d was not finished", (share) => {
    const book = world();
    reads(book, "A", 0.5, share);
    syncs(book);
    expect(book.book.cells["#status"]).toBe("Finished");
  });

  test("“Reading” had to be set by hand", () => {
    const book = world();
    reads(book, "A", 0.02);
    syncs(book);
    expect(book.book.cells["#status"]).toBe("Reading");
  });

  test("start and finish dates were rewritten by later pushes", () => {
    const book = world();
    reads(book, "A", 0.1);
    syncs(book);
    reads(book, "A", 0.5);
    syncs(book);
    expect(book.book.cells["#started"]).toBe("2026-01-02T00:00:00+00:00");
    reads(book, "A", 0.995);
    syncs(book);
    const finished = book.book.cells["#finished"];
    reads(book, "A", 1);
    syncs(book);
    expect(book.book.cells).toMatchObject({ "#started": "2026-01-02T00:00:00+00:00", "#finished": finished });
    expect(finished).toContain("2026-01-04T");
  });

  test("a book that was met finished got its day of finishing as its start", () => {
    const book = world();
    reads(book, "A", 1);
    syncs(book);
    expect(book.book.cells).toMatchObject({ "#started": null, "#finished": "2026-01-02T00:00:00+00:00" });
  });

  test("opening a finished book un-finished it", () => {
    for (const share of [0.001, 0.97, 0.02, 0.5]) {
      const book = world({ reread: "count" });
      reads(book, "A", 0.5, 1);
      syncs(book);
      reads(book, "A", share);
      syncs(book);
      expect(book.book.cells).toMatchObject({ "#pct": 100, "#status": "Finished" });
    }
  });

  test("re-reading was lost instead of counted", () => {
    const book = world({ reread: "count" });
    for (const share of [0.5, 1, 0.1, 0.2, 0.6]) {
      reads(book, "A", share);
      syncs(book);
    }
    expect(book.book.cells).toMatchObject({ "#pct": 60, "#status": "Reading", "#times": 1 });
    const finished = book.book.cells["#finished"];
    reads(book, "A", 1);
    syncs(book);
    expect(book.book.cells).toMatchObject({ "#status": "Finished", "#times": 2, "#finished": finished });
  });

  test("percent was a hundred times too high", () => {
    const values = [
      [column("percent", "#pct", "int"), 42],
      [column("percent", "#pct", "float"), 0.42],
      [column("percent", "#pct", "float", { scale: 100 }), 42],
      [column("percent", "#pct", "text"), "42 %"],
    ] as const;
    for (const [mapping, after] of values) {
      const reading = readingOf({ cells: { "#pct": null }, records: [{ percentage: 0.42 }] });
      expect(planPull([reading], profileOf({ columns: [mapping] }), T0).updates).toMatchObject([{ after }]);
    }
  });

  test("the last reading was in 1970", () => {
    const columns = [column("last_read", "#read", "datetime")];
    const of = (timestamp: number | null): PullPlan =>
      planPull([readingOf({ cells: { "#read": null }, records: [{ timestamp }] })], profileOf({ columns }), T0 + DAY);
    expect(of(T0).updates).toMatchObject([{ after: "2026-01-01T00:00:00+00:00" }]);
    expect(of(null).updates).toEqual([]);
    // Nor is it ever in the future.
    expect(of(T0 + 99 * DAY).updates).toMatchObject([{ after: "2026-01-02T00:00:00+00:00" }]);
  });

  test("a cleared start date came back", () => {
    const book = world();
    reads(book, "A", 0.1);
    syncs(book);
    book.edit("#started", null);
    reads(book, "A", 0.5);
    syncs(book);
    reads(book, "A", 0.6);
    syncs(book);
    expect(book.book.cells).toMatchObject({ "#pct": 60, "#started": null });
  });

  test("a run with nothing new changed the date of the last sync", () => {
    const book = world();
    reads(book, "A", 0.1);
    syncs(book);
    const synced = book.book.cells["#synced"];
    expect(synced).not.toBeNull();
    book.now += 5 * DAY;
    syncs(book);
    expect(book.book.cells["#synced"]).toBe(synced);
  });
});

describe("a review is forced", () => {
  const columns = ALL_COLUMNS;
  const cells = Object.fromEntries(columns.map((mapping) => [mapping.column, null]));

  test("by a profile's first run", () => {
    const plan = planPull([readingOf({ cells })], profileOf({ columns, ran_before: false }), T0);
    expect(plan.review).toEqual([{ code: "first_run", data: {} }]);
  });

  test("by a lost base, not by a book that is new", () => {
    const filled = readingOf({ book_id: 2, cells: { ...cells, "#pct": 40 } });
    expect(planPull([filled], profileOf({ columns }), T0).review).toEqual([{ code: "no_base", data: { books: 1 } }]);
    expect(planPull([readingOf({ cells })], profileOf({ columns }), T0).review).toEqual([]);
  });
});
