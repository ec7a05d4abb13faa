/** Two profiles of one account, and columns that are mapped later: each gets what it shows, and nobody is asked twice. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { PullPlan } from "../../src/model/plan.ts";
import { ConflictPolicy } from "../../src/model/profile.ts";
import { profileOf } from "./samples.ts";
import { ALL_COLUMNS, evenShare, OTHER_COLUMNS, SmallWorld } from "./small-world.ts";

const rules = fc.record({ conflict: fc.constantFrom(...ConflictPolicy.options) });
const share = evenShare.map((far) => 0.01 + far * 0.97);
const device = fc.constantFrom("A" as const, "B" as const);
const columnName = fc.constantFrom(...[...ALL_COLUMNS, ...OTHER_COLUMNS].map(({ column }) => column));

type Step = (world: SmallWorld) => void;
const ONE = profileOf({ id: "one", columns: ALL_COLUMNS });
const OTHER = profileOf({ id: "other", columns: OTHER_COLUMNS });

function said(text: string, step: Step): Step {
  return Object.assign(step, { [fc.toStringMethod]: () => text });
}

const reading = fc
  .tuple(device, share)
  .map(([from, far]) => said(`${from} pushes ${far}`, (world) => world.push(from, far)));
const syncing = fc.tuple(fc.boolean(), fc.uniqueArray(columnName, { maxLength: 2 })).map(([first, left]) =>
  said(`${first ? "one" : "other"} syncs, unticked ${left.join()}`, (world) => {
    world.use(rulesOf(world, first ? ONE : OTHER));
    world.apply(world.plan(), "theirs", left);
    world.now += 1000;
  }),
);
const editing = fc
  .tuple(columnName, fc.integer({ min: 0, max: 98 }))
  .map(([column, value]) =>
    said(`${column} := ${value}`, (world) => world.edit(column, /pct/.test(column) ? value : `words ${value}`)),
  );
const undoing = fc.constant(said("undo", (world) => world.undo()));
const history = fc.array(
  fc.oneof({ weight: 3, arbitrary: reading }, { weight: 4, arbitrary: syncing }, editing, undoing),
  {
    maxLength: 15,
  },
);
/** Nobody touches a cell, unticks or undoes anything: then every profile must show what the server has. */
const untouched = fc.array(
  fc.oneof(
    reading,
    fc.boolean().map((first) =>
      said(first ? "one syncs" : "other syncs", (world) => {
        world.use(rulesOf(world, first ? ONE : OTHER));
        world.apply(world.plan(), "theirs");
        world.now += 1000;
      }),
    ),
  ),
  { maxLength: 12 },
);

function rulesOf(world: SmallWorld, profile: typeof ONE): typeof ONE {
  return { ...profile, rules: world.profile.rules };
}

function lived(steps: readonly Step[], rule: Parameters<typeof profileOf>[0]["rules"]): SmallWorld {
  const world = new SmallWorld({}, profileOf({ ...ONE, rules: rule ?? {} }));
  for (const step of steps) step(world);
  return world;
}

function asked({ conflicts }: PullPlan): { column: unknown; value: unknown }[] {
  return conflicts
    .filter(({ why }) => why.code === "no_base_differs")
    .map(({ why }) => ({ column: why.data["column"], value: why.data["value"] }));
}

const RUNS = { numRuns: 500 };

describe("whatever two profiles of one account did before", () => {
  test("each shows what the server has, whichever synced first", () => {
    fc.assert(
      fc.property(untouched, device, share, fc.boolean(), (steps, from, far, first) => {
        const world = lived(steps, { conflict: "server" });
        world.now += 1000;
        world.push(from, far);
        for (const profile of first ? [ONE, OTHER] : [OTHER, ONE]) {
          world.use(rulesOf(world, profile));
          world.apply(world.plan(), "theirs");
        }
        const shown = (["#pct", "#pct2", "#device", "#device2"] as const).map((name) => world.book.cells[name]);
        const percent = Math.min(99, Math.max(1, Math.round(far * 100)));
        expect(shown).toEqual([percent, percent, from, from]);
      }),
      RUNS,
    );
  });

  test("a second sync of both plans nothing", () => {
    fc.assert(
      fc.property(history, rules, (steps, rule) => {
        const world = lived(steps, rule);
        // A cell that both show may be rewritten by the second: hence twice round before nothing may be left.
        for (const profile of [ONE, OTHER, ONE, OTHER]) {
          world.use(rulesOf(world, profile));
          world.apply(world.plan(), "theirs");
        }
        for (const profile of [ONE, OTHER]) {
          world.use(rulesOf(world, profile));
          const { updates, conflicts, bases, observations } = world.plan();
          expect([...updates, ...conflicts, ...bases, ...observations]).toEqual([]);
        }
      }),
      RUNS,
    );
  });

  test("nobody is asked about a cell that holds what we wrote ourselves", () => {
    fc.assert(
      fc.property(history, rules, device, share, (steps, rule, from, far) => {
        const world = lived(steps, rule);
        world.now += 1000;
        world.push(from, far);
        for (const profile of [ONE, OTHER]) {
          world.use(rulesOf(world, profile));
          const ours = asked(world.plan()).filter(({ column, value }) => world.book.written[String(column)] === value);
          expect(ours).toEqual([]);
        }
      }),
      RUNS,
    );
  });

  test("undoing a run of one puts its cells back and leaves the other's alone", () => {
    fc.assert(
      fc.property(history, rules, fc.boolean(), (steps, rule, first) => {
        const world = lived(steps, rule);
        const before = structuredClone(world.book.cells);
        const runs = world.runs.length;
        world.use(rulesOf(world, first ? ONE : OTHER));
        world.apply(world.plan(), "theirs");
        fc.pre(world.runs.length > runs);
        world.undo();
        expect(world.book.cells).toEqual(before);
        const again = world.plan();
        expect([...again.updates, ...again.conflicts]).toEqual([]);
      }),
      RUNS,
    );
  });
});

describe("columns mapped after the first sync", () => {
  const few = ALL_COLUMNS.slice(0, 2);

  test("are filled at the next sync where they are empty, and never over what the reader put there", () => {
    fc.assert(
      fc.property(share, share, fc.boolean(), fc.boolean(), rules, (before, after, moved, filled, rule) => {
        const world = new SmallWorld({}, profileOf({ id: "one", columns: few, rules: rule }));
        world.push("A", before);
        world.apply(world.plan(), "theirs");
        world.now += 1000;
        if (moved) world.push("B", after);
        if (filled) world.edit("#device", "my own words");
        world.map(ALL_COLUMNS.slice(0, 4));
        const plan = world.plan();
        const written = plan.updates.filter(({ column }) => column === "#device").map((update) => update.after);
        const wanted = [plan.bases[0]?.device ?? "a base"];
        // Where the server's side must be asked about, nothing is written yet; what the reader typed stays.
        const left = plan.conflicts.length > 0 || (filled && rule.conflict !== "server");
        expect(written).toEqual(left ? [] : wanted);
        world.apply(plan, "theirs");
        expect(world.plan().updates).toEqual([]);
      }),
      RUNS,
    );
  });

  test("change nothing in the columns that were mapped before", () => {
    fc.assert(
      fc.property(history, rules, (steps, rule) => {
        const world = lived(steps, rule);
        world.map(few);
        world.apply(world.plan(), "theirs");
        const settled = new Set(few.map(({ column }) => column));
        world.map(ALL_COLUMNS);
        const { updates, conflicts } = world.plan();
        const all = [...updates, ...conflicts.flatMap((conflict) => conflict.updates)];
        expect(all.filter(({ column }) => settled.has(column))).toEqual([]);
      }),
      RUNS,
    );
  });
});
