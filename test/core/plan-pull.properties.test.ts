import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SKEW } from "../../src/core/skew.ts";
import { parseInstant } from "../../src/core/dates.ts";
import type { ColumnUpdate, PullPlan } from "../../src/model/plan.ts";
import { ConflictPolicy } from "../../src/model/profile.ts";
import type { Rules } from "../../src/model/profile.ts";
import { ALL_COLUMNS, evenShare, SmallWorld } from "./small-world.ts";
import type { Choice } from "./small-world.ts";

type Step = (world: SmallWorld) => void;

const share = fc.oneof(
  fc.constantFrom(0, 0.001, 0.005, 0.01, 0.5, 0.94, 0.985, 0.99, 1),
  evenShare,
  fc.double({ min: 0, max: 1, noNaN: true }),
);
const device = fc.constantFrom("A" as const, "B" as const);
const choice = fc.constantFrom<Choice>("theirs", "ours", "later");
const columnName = fc.constantFrom(...ALL_COLUMNS.map(({ column }) => column));
const unticked = fc.oneof(fc.constant<string[]>([]), fc.uniqueArray(columnName, { maxLength: 3 }));
const seconds = fc.constantFrom(1, 60, 4000, 90_000);
const percent = fc.option(fc.integer({ min: 0, max: 100 }));
const status = fc.option(fc.constantFrom("Unread", "Reading", "Finished", "On hold"));

/** A step that says what it does, so that a counterexample can be read. */
function said(text: string, step: Step): Step {
  return Object.assign(step, { [fc.toStringMethod]: () => text });
}

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .tuple(device, share)
      .map(([from, far]) => said(`${from} pushes ${far}`, (world) => world.push(from, far))),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(choice, unticked).map(([decided, left]) =>
      said(`sync, conflicts ${decided}, unticked ${left.join()}`, (world) => {
        world.apply(world.plan(), decided, left);
      }),
    ),
  },
  {
    weight: 2,
    arbitrary: seconds.map((long) =>
      said(`${long} s pass`, (world) => {
        world.now += long;
      }),
    ),
  },
  percent.map((value) => said(`percent := ${value}`, (world) => world.edit("#pct", value))),
  status.map((value) => said(`status := ${value}`, (world) => world.edit("#status", value))),
  columnName.map((column) => said(`clear ${column}`, (world) => world.edit(column, null))),
  fc.constant(said("undo", (world) => world.undo())),
);
const history = fc.array(step, { maxLength: 25 });
const rules: fc.Arbitrary<Partial<Rules>> = fc.record({
  conflict: fc.constantFrom(...ConflictPolicy.options),
  reread: fc.constantFrom("ask" as const, "count" as const, "ignore" as const),
});

function lived(steps: readonly Step[], rule: Partial<Rules>): SmallWorld {
  const world = new SmallWorld(rule);
  for (const next of steps) next(world);
  return world;
}

/** Updates of one column that no re-read explains. */
function written(plan: PullPlan, column: string): ColumnUpdate[] {
  return plan.updates.filter((update) => update.column === column && update.why.code !== "reread");
}

const RUNS = { numRuns: 500 };
/** Histories that end in a plan which would write something: a property over empty plans would say nothing. */
const eventful = fc.tuple(history, rules).filter(([steps, rule]) => lived(steps, rule).plan().updates.length > 0);

describe("whatever two devices, a server and a reader did before", () => {
  test("a second sync with no further change plans nothing", () => {
    fc.assert(
      fc.property(history, rules, fc.constantFrom<Choice>("theirs", "ours"), (steps, rule, decided) => {
        const world = lived(steps, rule);
        world.apply(world.plan(), decided);
        const { updates, conflicts, bases, observations } = world.plan();
        expect([...updates, ...conflicts, ...bases, ...observations]).toEqual([]);
      }),
      RUNS,
    );
  });

  test("conflicts left undecided are all that a second sync finds", () => {
    fc.assert(
      fc.property(history, rules, (steps, rule) => {
        const world = lived(steps, rule);
        const first = world.plan();
        world.apply(first, "later");
        const second = world.plan();
        expect({ updates: second.updates, asked: second.conflicts.map(({ theirs }) => theirs) }).toEqual({
          updates: [],
          asked: first.conflicts.map(({ theirs }) => theirs),
        });
      }),
      RUNS,
    );
  });

  test("`newest` never writes an older reading over a newer one", () => {
    fc.assert(
      fc.property(history, evenShare, seconds, evenShare, (steps, far, gap, typed) => {
        const world = lived(steps, { conflict: "newest", reread: "count" });
        // A reading, and then the reader's own hand: sooner or later, further or not.
        world.push("A", far);
        world.now += gap;
        world.edit("#pct", Math.round(typed * 100));
        const { book } = world;
        const plan = world.plan();
        const known = Math.max(0, book.base?.timestamp ?? 0, ...book.declined.map(({ timestamp }) => timestamp ?? 0));
        expect(plan.bases.filter(({ timestamp }) => (timestamp ?? 0) < known)).toEqual([]);
        const edited = book.changed_at["#pct"] ?? 0;
        const overEdit = written(plan, "#pct").filter(
          ({ before, why }) => book.base !== null && before !== null && why.code === "policy_newest",
        );
        expect(overEdit.filter(() => (plan.bases[0]?.timestamp ?? 0) <= edited + SKEW)).toEqual([]);
      }),
      RUNS,
    );
  });

  test("`furthest` never moves back without a re-read", () => {
    fc.assert(
      fc.property(eventful, ([steps]) => {
        const plan = lived(steps, { conflict: "furthest", reread: "count" }).plan();
        expect(written(plan, "#pct").filter(({ before, after }) => Number(after) < Number(before))).toEqual([]);
      }),
      RUNS,
    );
  });

  test("no policy goes a larger step back unasked", () => {
    fc.assert(
      fc.property(eventful, ([steps, rule]) => {
        const plan = lived(steps, rule).plan();
        // Whole percent are rounded on both sides, hence six instead of five.
        expect(written(plan, "#pct").filter(({ before, after }) => Number(before) - Number(after) > 6)).toEqual([]);
      }),
      RUNS,
    );
  });

  test("a finished book never becomes unfinished without a re-read", () => {
    fc.assert(
      fc.property(eventful, ([steps, rule]) => {
        const plan = lived(steps, rule).plan();
        expect(written(plan, "#status").filter(({ before }) => before === "Finished")).toEqual([]);
      }),
      RUNS,
    );
  });

  test("the reader's own word for a status is never overwritten", () => {
    fc.assert(
      fc.property(eventful, ([steps, rule]) => {
        const { updates, conflicts } = lived(steps, rule).plan();
        const all = [...updates, ...conflicts.flatMap((conflict) => conflict.updates)];
        expect(all.filter(({ before }) => before === "On hold")).toEqual([]);
      }),
      RUNS,
    );
  });

  test("dates of starting and finishing are set once", () => {
    fc.assert(
      fc.property(eventful, ([steps, rule]) => {
        const { updates } = lived(steps, rule).plan();
        const dates = updates.filter(({ column }) => column === "#started" || column === "#finished");
        expect(dates.filter(({ before }) => before !== null)).toEqual([]);
      }),
      RUNS,
    );
  });

  test("a peek changes nothing", () => {
    fc.assert(
      fc.property(history, rules, share, fc.double({ min: 0, max: 0.0099, noNaN: true }), (steps, rule, far, low) => {
        const world = lived(steps, rule);
        world.server.delete("b".repeat(32));
        world.push("A", Math.max(far, 0.01));
        world.now += 3600;
        const without = world.plan();
        world.push("B", low);
        const withPeek = world.plan();
        expect([withPeek.updates, withPeek.conflicts, withPeek.bases]).toEqual([
          without.updates,
          without.conflicts,
          without.bases,
        ]);
      }),
      RUNS,
    );
  });

  test("what was declined is not planned again", () => {
    fc.assert(
      fc.property(history, rules, (steps, rule) => {
        const world = lived(steps, rule);
        const { updates, bases, conflicts } = world.plan();
        const offered = [...(updates.length === 0 ? [] : bases.slice(0, 1)), ...conflicts.map(({ theirs }) => theirs)];
        const refused = offered.filter((record) =>
          world.book.declined.some(
            ({ document, timestamp }) => document === record.document && timestamp === record.timestamp,
          ),
        );
        expect(refused).toEqual([]);
      }),
      RUNS,
    );
  });

  test("undoing a run puts every cell back, and the run is not offered again", () => {
    fc.assert(
      fc.property(eventful, ([steps, rule]) => {
        const world = lived(steps, rule);
        const before = structuredClone(world.book.cells);
        world.apply(world.plan(), "theirs");
        world.undo();
        expect(world.book.cells).toEqual(before);
        const again = world.plan();
        expect([...again.updates, ...again.conflicts]).toEqual([]);
      }),
      RUNS,
    );
  });

  test("no plan touches a column that is not mapped, and every value fits its column", () => {
    fc.assert(
      fc.property(history, rules, (steps, rule) => {
        const world = lived(steps, rule);
        const { updates, conflicts } = world.plan();
        const all = [...updates, ...conflicts.flatMap((conflict) => conflict.updates)];
        const wrong = all.filter(({ column, before, after }) => {
          const mapping = ALL_COLUMNS.find((known) => known.column === column);
          if (mapping === undefined || before !== world.book.cells[column]) return true;
          if (mapping.datatype === "int") return !Number.isInteger(after);
          return mapping.datatype === "datetime" && !((parseInstant(String(after)) ?? 0) > 1e9);
        });
        expect(wrong).toEqual([]);
        expect(world.book.cells["#mine"]).toBe("untouched");
      }),
      RUNS,
    );
  });
});
