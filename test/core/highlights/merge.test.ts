import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { takeUp } from "../../../src/core/highlights/known.ts";
import { mergeAnnotations } from "../../../src/core/highlights/merge.ts";
import { stampOf } from "../../../src/core/highlights/moment.ts";
import { canonical, keyOf, removalIn, removalOf } from "../../../src/core/highlights/native.ts";
import type { AnnotationPlace, FoundAnnotation, MarkedFile } from "../../../src/model/annotation.ts";
import {
  type AnnotationPlan,
  type CalibreAnnotation,
  type Deletions,
  KeptAnnotation,
  KeptAnnotations,
  type NativeAnnotation,
} from "../../../src/model/native-annotation.ts";
import { highlight } from "../../support/highlights.ts";

const BOOK = "11111111-2222-4333-8444-555555555555";

/** A highlight of the n-th paragraph. */
function marked(n: number, more: Partial<FoundAnnotation> = {}): FoundAnnotation {
  const place = (point: number): string => `/body/DocFragment[1]/body/p[${n}]/text().${point}`;
  const created = `2026-11-20 21:04:${String(n).padStart(2, "0")}`;
  return highlight(place(0), place(9), `paragraph number ${n}`, { created, color: "yellow", ...more });
}

function placeOf(annotation: { readonly text: string | null; readonly kind: string }): AnnotationPlace {
  const number = /\d+$/.exec(annotation.text ?? "")?.[0] ?? "1";
  const cfi = `/2/4/${number}/1`;
  const spine = { spine_name: "a.xhtml", spine_index: 0 };
  return annotation.kind === "bookmark"
    ? { status: "bookmark", cfi: `epubcfi(/2${cfi}:0)` }
    : { status: "highlight", by: "ends", ...spine, start_cfi: `${cfi}:0`, end_cfi: `${cfi}:9` };
}

const UNPLACED: AnnotationPlace = { status: "unplaced", reason: "text_differs" };

/** calibre as far as it keeps annotations, and what is remembered beside it; a round is one run of ours. */
class World {
  readonly rows = new Map<string, NativeAnnotation>();
  kept: KeptAnnotations | null = null;
  deletions: Deletions = "keep";
  target = "local:viewer";
  format = "EPUB";
  placeOf = placeOf;

  plan(files: readonly MarkedFile[]): AnnotationPlan {
    const { known, files: seen } = takeUp(BOOK, this.target, this.kept, files);
    const placed = known.map(({ annotation, before, kept }) => {
      const place = this.placeOf(annotation);
      return { annotation, before, kept, place, format: place.status === "unplaced" ? null : this.format };
    });
    const { target, deletions } = this;
    const standing = [...this.rows.values()];
    return mergeAnnotations({ book_id: 1, target, known: placed, files: seen, standing, deletions, time_zone: null });
  }

  run(
    files: readonly MarkedFile[],
    accept: (write: AnnotationPlan["writes"][number]) => boolean = () => true,
  ): AnnotationPlan {
    const plan = this.plan(files);
    const kept = KeptAnnotations.parse(plan.kept);
    for (const { format, after, before, kept: one, uuid } of plan.writes.filter(accept)) {
      const here = this.rows.get(`${format}\n${keyOf(after)}`)?.annotation ?? null;
      if (canonical(here) !== canonical(before)) throw new Error(`planned over ${canonical(here)}`);
      this.write(format, after);
      if (Object.keys(one).length > 0) kept.annotations[uuid] = KeptAnnotation.parse(one);
    }
    this.kept = kept;
    return plan;
  }

  write(format: string, annotation: CalibreAnnotation): void {
    this.rows.set(`${format}\n${keyOf(annotation)}`, { format, annotation });
  }

  /** What the viewer shows. */
  get live(): CalibreAnnotation[] {
    return [...this.rows.values()].map(({ annotation }) => annotation).filter((each) => removalIn(each) === null);
  }

  texts(): unknown[] {
    return this.live.map((each) => each["highlighted_text"]);
  }

  edit(at: number, change: Record<string, unknown>): void {
    const row = this.live[at];
    if (row === undefined) throw new Error("no such annotation");
    this.write(this.format, { ...row, ...change });
  }

  remove(at: number): void {
    const { type, uuid } = this.live[at] ?? {};
    this.write(this.format, { type, uuid, removed: true, timestamp: "2026-11-25T00:00:00.000Z" });
  }
}

function file(modified: number, annotations: readonly FoundAnnotation[], more: Partial<MarkedFile> = {}): MarkedFile {
  return {
    device: "Kobo",
    path: "/one.sdr/metadata.epub.lua",
    digest: "d",
    whole: true,
    modified,
    annotations: [...annotations],
    ...more,
  };
}

const TWELVE = Array.from({ length: 12 }, (_, n) => marked(n + 1));

describe("what was marked in KOReader", () => {
  test("is written once, and a second run has nothing to write", () => {
    const world = new World();
    expect(world.run([file(1, [marked(1, { note: "of what?" }), marked(2)])]).writes).toMatchObject([
      {
        why: "new",
        by: "ends",
        format: "EPUB",
        before: null,
        after: { notes: "of what?", timestamp: "2026-11-20T21:04:01.000Z" },
      },
      { why: "new" },
    ]);
    expect(world.run([file(1, [marked(1, { note: "of what?" }), marked(2)])])).toMatchObject({
      writes: [],
      standing: 2,
    });
  });

  test("and is found on two readers is written once, under one name on every machine", () => {
    const [one, other] = [new World(), new World()];
    one.run([file(1, [marked(1)]), file(2, [marked(1)], { device: "Boox" })]);
    other.run([file(2, [marked(1)], { device: "Boox" })]);
    expect(one.live).toEqual(other.live);
  });

  test("that cannot be proved is listed with the reason, and written as soon as it can", () => {
    const world = new World();
    world.placeOf = () => UNPLACED;
    expect(world.run([file(1, [marked(1)])])).toMatchObject({ writes: [], left: [{ reason: "text_differs" }] });
    world.placeOf = placeOf;
    expect(world.run([file(1, [marked(1)])]).writes).toMatchObject([{ why: "new" }]);
  });
});

function begun(): World {
  const world = new World();
  world.run([file(1, [marked(1, { note: "first" })])]);
  return world;
}

describe("what was changed", () => {
  const later = { updated: "2026-11-21 09:00:00", note: "from the reader" };
  test("on the reader alone follows", () => {
    const world = begun();
    world.run([file(2, [marked(1, { ...later, color: "red" })])]);
    expect(world.live).toMatchObject([{ notes: "from the reader", style: { which: "red" } }]);
  });

  test("in calibre alone stays", () => {
    const world = begun();
    world.edit(0, { notes: "from the viewer", timestamp: "2026-11-22T09:00:00.000Z" });
    expect(world.run([file(2, [marked(1, { note: "first" })])]).writes).toEqual([]);
    expect(world.live).toMatchObject([{ notes: "from the viewer" }]);
  });

  test("on both sides, each another part: both stay", () => {
    const world = begun();
    world.edit(0, { notes: "from the viewer", timestamp: "2026-11-20T22:00:00.000Z" });
    world.run([file(2, [marked(1, { note: "first", color: "red", updated: later.updated })])]);
    expect(world.live).toMatchObject([{ notes: "from the viewer", style: { which: "red" } }]);
  });

  test.each([
    ["the reader's", "2026-11-20T22:00:00.000Z", "from the reader", "from the viewer"],
    ["calibre's", "2026-11-22T09:00:00.000Z", "from the viewer", "from the reader"],
  ])("on both sides: %s note is newer and stands, the other is kept", (_whose, at, stands, gives) => {
    const world = begun();
    world.edit(0, { notes: "from the viewer", timestamp: at });
    world.run([file(2, [marked(1, later)])]);
    expect(world.live).toMatchObject([{ notes: stands }]);
    expect(Object.values(world.kept?.annotations ?? {})).toMatchObject([{ history: [gives] }]);
    expect(world.run([file(2, [marked(1, later)])]).writes).toEqual([]);
    expect(Object.values(world.kept?.annotations ?? {})).toMatchObject([{ history: [gives] }]);
  });

  test("in the book itself: what is proved elsewhere moves with its note, what is not stays and is listed", () => {
    const world = begun();
    world.edit(0, { notes: "from the viewer", timestamp: "2026-11-22T09:00:00.000Z" });
    world.placeOf = (annotation) => ({ ...placeOf(annotation), start_cfi: "/2/4/90/1:0" }) as AnnotationPlace;
    expect(world.run([file(1, [marked(1, { note: "first" })])]).writes).toMatchObject([{ why: "changed" }]);
    expect(world.live).toMatchObject([{ notes: "from the viewer", start_cfi: "/2/4/90/1:0" }]);
    world.placeOf = () => UNPLACED;
    expect(world.run([file(1, [marked(1, { note: "first" })])])).toMatchObject({ writes: [], left: [{}], standing: 1 });
  });

  test("from an EPUB to a KEPUB of the library: it goes there, and is not doubled", () => {
    const world = begun();
    world.edit(0, { notes: "from the viewer", timestamp: "2026-11-22T09:00:00.000Z" });
    world.format = "KEPUB";
    world.run([file(1, [marked(1, { note: "first" })])]);
    expect(world.live).toMatchObject([{ notes: "from the viewer" }]);
    expect(world.run([file(1, [marked(1, { note: "first" })])]).writes).toEqual([]);
    world.format = "EPUB";
    world.run([file(1, [marked(1, { note: "first" })])]);
    expect(world.live).toHaveLength(1);
  });

  test("from an EPUB to a KEPUB, with a note that both sides changed: the one that gives way is kept", () => {
    const world = begun();
    world.edit(0, { notes: "from the viewer", timestamp: "2026-11-22T09:00:00.000Z" });
    world.format = "KEPUB";
    world.run([file(2, [marked(1, later)])]);
    expect(world.live).toMatchObject([{ notes: "from the viewer" }]);
    expect(Object.values(world.kept?.annotations ?? {})).toMatchObject([{ history: ["from the reader"] }]);
  });
});

function full(deletions: Deletions = "all"): World {
  const world = new World();
  world.deletions = deletions;
  world.run([file(1, TWELVE)]);
  return world;
}

describe("what is missing", () => {
  test.each<[string, MarkedFile[]]>([
    ["the file is gone", []],
    ["the book was reset, and something else is marked since", [file(2, [marked(20)])]],
    ["the file is a backup", [file(2, TWELVE.slice(1), { whole: false })]],
    ["the file is another one's", [file(2, TWELVE.slice(1), { path: "/two.sdr/metadata.epub.lua" })]],
    ["the file is about another copy", [file(2, TWELVE.slice(1), { digest: "e" })]],
    ["the file is not newer", [file(1, TWELVE.slice(1))]],
    ["another file still holds it", [file(2, TWELVE.slice(1)), file(2, TWELVE, { device: "Boox" })]],
  ])("is not removed when %s", (_what, files) => {
    const world = full();
    const { writes } = world.run(files);
    expect(writes.filter(({ why }) => why === "removed")).toEqual([]);
    expect(world.texts()).toEqual(expect.arrayContaining(TWELVE.map(({ text }) => text)));
  });

  test("is not removed at a first look", () => {
    const world = full();
    world.kept = null;
    world.run([file(2, TWELVE.slice(1))]);
    expect(world.live).toHaveLength(12);
  });

  test("from the same whole file stays, marked, unless removals are followed", () => {
    const world = full("keep");
    expect(world.run([file(2, TWELVE.slice(1))]).writes).toEqual([]);
    expect(Object.values(world.kept?.annotations ?? {}).filter(({ gone }) => gone === 2)).toHaveLength(1);
    world.deletions = "follow";
    world.run([file(2, TWELVE.slice(1))]);
    expect(world.live).toHaveLength(11);
    expect(world.run([file(2, TWELVE.slice(1))]).writes).toEqual([]);
  });

  test("and was changed in calibre stays", () => {
    const world = full();
    world.edit(0, { notes: "mine", timestamp: "2026-11-22T09:00:00.000Z" });
    world.run([file(2, TWELVE.slice(1))]);
    expect(world.live).toHaveLength(12);
  });

  test.each([
    ["more than three", 60, 4],
    ["more than a tenth of the book", 12, 2],
  ])("is asked about where it is %s", (_what, all, fewer) => {
    const many = Array.from({ length: all }, (_, n) => marked(n + 1, { created: `2026-11-20 21:04:${n}` }));
    const world = new World();
    world.deletions = "follow";
    world.run([file(1, many)]);
    expect(world.run([file(2, many.slice(fewer))])).toMatchObject({ writes: [], asked: { length: fewer } });
    expect(world.live).toHaveLength(all);
    world.deletions = "all";
    world.run([file(2, many.slice(fewer))]);
    expect(world.live).toHaveLength(all - fewer);
  });

  test("is back as soon as it is back in that file, and not because another one is met that has it", () => {
    const world = full();
    world.run([file(2, TWELVE.slice(1))]);
    world.run([file(2, TWELVE.slice(1)), file(9, TWELVE, { device: "an old backup" })]);
    expect(world.live).toHaveLength(11);
    world.run([file(3, TWELVE)]);
    expect(world.live).toHaveLength(12);
  });

  test("in calibre, because rows were wiped, is written again", () => {
    const world = full();
    world.rows.clear();
    world.run([file(1, TWELVE)]);
    expect(world.live).toHaveLength(12);
  });
});

describe("what was removed in calibre", () => {
  test.each(["remembered", "forgotten"])("stays removed, whatever the reader does: our memory is %s", (memory) => {
    const world = new World();
    world.run([file(1, TWELVE)]);
    world.remove(3);
    if (memory === "forgotten") world.kept = null;
    for (const files of [
      [file(1, TWELVE)],
      [
        file(
          2,
          TWELVE.map((each) => ({ ...each, note: "new", updated: "2027-01-01 00:00:00" })),
        ),
      ],
    ])
      world.run(files);
    expect(world.live).toHaveLength(11);
    expect(world.run([file(3, [])]).writes).toEqual([]);
  });

  test("by an undo stays removed, until that is undone", () => {
    const world = new World();
    world.run([file(1, TWELVE)]);
    const [row] = world.live;
    if (row === undefined) throw new Error("nothing written");
    world.write("EPUB", removalOf(row, "undone"));
    expect(world.run([file(2, TWELVE)]).writes).toEqual([]);
  });
});

describe("for another reader of calibre's", () => {
  test("everything is written anew", () => {
    const world = new World();
    world.run([file(1, TWELVE)]);
    world.rows.clear();
    world.target = "web:ann";
    expect(world.run([file(1, TWELVE)]).writes).toHaveLength(12);
  });
});

test("a moment of the device's own time is one instant, on both sides of a change to summer time", () => {
  expect(stampOf("2026-11-20 21:04:05", null)).toBe("2026-11-20T21:04:05.000Z");
  expect(stampOf("2026-11-20 21:04:05", "Europe/Berlin")).toBe("2026-11-20T20:04:05.000Z");
  expect(stampOf("2026-07-20 21:04:05", "Europe/Berlin")).toBe("2026-07-20T19:04:05.000Z");
  expect(stampOf("2026-03-29 03:00:00", "Europe/Berlin")).toBe("2026-03-29T01:00:00.000Z");
});

/** Everything that may happen between two runs, to two readers' files, a synced folder and calibre. */
const step = fc.oneof(
  fc.record({ what: fc.constant("mark" as const), on: fc.nat(1), n: fc.integer({ min: 1, max: 30 }) }),
  fc.record({ what: fc.constant("note" as const), on: fc.nat(1), n: fc.nat(30) }),
  fc.record({ what: fc.constant("unmark" as const), on: fc.nat(1), n: fc.nat(30) }),
  fc.record({ what: fc.constant("reset" as const), on: fc.nat(1), n: fc.nat() }),
  fc.record({ what: fc.constant("restore" as const), on: fc.nat(1), n: fc.nat() }),
  fc.record({ what: fc.constant("send" as const), on: fc.nat(1), n: fc.nat() }),
  fc.record({ what: fc.constant("edit" as const), on: fc.nat(1), n: fc.nat(30) }),
  fc.record({ what: fc.constant("remove" as const), on: fc.nat(1), n: fc.nat(30) }),
);

test("over ten rounds on two readers, a folder and in calibre nothing is lost, doubled, or back from the dead", () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(step, { maxLength: 6 }), { minLength: 3, maxLength: 10 }),
      fc.constantFrom<Deletions>("keep", "follow", "all"),
      (rounds, deletions) => {
        const world = new World();
        world.deletions = deletions;
        let clock = 1;
        const readers: (FoundAnnotation[] | null)[] = [[], []];
        const backups: FoundAnnotation[][] = [[], []];
        const times = [1, 1];
        const unmarked = new Set<string>();
        const removed = new Set<unknown>();
        const told = new Set<string>();
        for (const round of rounds) {
          for (const { what, on, n } of round) {
            clock += 1;
            const day = `2026-11-21 10:${String(Math.floor(clock / 60)).padStart(2, "0")}:${String(clock % 60).padStart(2, "0")}`;
            const list = [...(readers[on] ?? [])];
            const at = list.length === 0 ? 0 : n % list.length;
            if (what === "mark" && !list.some(({ text }) => text === `paragraph number ${n}`)) list.push(marked(n));
            else if (what === "note" && list[at] !== undefined)
              list[at] = { ...list[at], note: `${on} ${clock}`, updated: day };
            else if (what === "unmark" && list[at] !== undefined) list.splice(at, 1);
            else if (what === "restore") list.splice(0, list.length, ...(backups[on] ?? []));
            else if (what === "edit" && world.live.length > 0)
              world.edit(n % world.live.length, { notes: `calibre ${clock}`, timestamp: stampOf(day, null) });
            else if (what === "remove" && world.live.length > 0) {
              removed.add(world.live[n % world.live.length]?.["highlighted_text"]);
              world.remove(n % world.live.length);
            }
            if (what === "reset") {
              backups[on] = list;
              readers[on] = null;
            } else if (what !== "edit" && what !== "remove") {
              const to = what === "send" ? 1 - on : on;
              for (const { text } of readers[to] ?? [])
                if (!list.some((each) => each.text === text)) unmarked.add(String(text));
              readers[to] = [...list];
              times[to] = clock;
            }
          }
          const files = readers.flatMap((list, on) =>
            list === null || list.length === 0 ? [] : [file(times[on] ?? 0, list, { device: `reader ${on}` })],
          );
          // What a synced folder holds of the first reader's card.
          for (const each of files) for (const { text } of each.annotations) told.add(String(text));
          world.run(files);
          const live = world.texts();
          expect(new Set(live).size).toBe(live.length);
          for (const text of live) expect(removed.has(text)).toBe(false);
          const mayBeGone = (text: string): boolean =>
            removed.has(text) || (deletions !== "keep" && unmarked.has(text));
          expect([...told].filter((text) => !live.includes(text) && !mayBeGone(text))).toEqual([]);
          expect(world.run(files).writes).toEqual([]);
        }
      },
    ),
    { numRuns: 300 },
  );
});
