/** One reading, told by a server, by the cards of two devices, and seen in whatever order. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planPull } from "../../src/core/plan-pull.ts";
import type { DeviceReading } from "../../src/model/device-reading.ts";
import type { PullPlan } from "../../src/model/plan.ts";
import type { Progress } from "../../src/model/progress.ts";
import { deviceReadingOf, knownDigestOf } from "../support/models.ts";
import { answerOf, column, profileOf, record, T0 } from "./samples.ts";
import { ALL_COLUMNS, SmallWorld } from "./small-world.ts";

const DEVICES = ["A", "B"] as const;
type Device = (typeof DEVICES)[number];
const documentOf = (device: Device): string => device.toLowerCase().repeat(32);

/** A book is closed: its file is written, and some moments before the server is told, where it can be. */
interface Closing {
  device: Device;
  share: number;
  isPushed: boolean;
  /** Seconds from the server's time to the file's. */
  lag: number;
  /** Stars that the reader has given by then. */
  rating: number;
}

/** What one sync sees: of each source how many closings it knows of yet; 0 is a source that is not there. */
type Look = Readonly<Record<"server" | "statistics" | Device, number>>;

const COLUMNS = [
  ...ALL_COLUMNS,
  column("rating", "#stars", "rating"),
  column("read_time", "#time", "int"),
  column("days_read", "#days", "int"),
];

const NOTHING: Look = { server: 0, statistics: 0, A: 0, B: 0 };

class CardWorld extends SmallWorld {
  readonly #closings: readonly Closing[];
  #look: Look = NOTHING;

  constructor(closings: readonly Closing[]) {
    super({ conflict: "newest" }, profileOf({ columns: COLUMNS, rules: { conflict: "newest" } }));
    this.book = { ...this.book, cells: { ...this.book.cells, "#stars": null, "#time": null, "#days": null } };
    this.#closings = closings;
    const digests = DEVICES.map((device) =>
      knownDigestOf(documentOf(device), { source: "sidecar", content_key: "2:x" }),
    );
    this.book = { ...this.book, digests };
    this.profile = { ...this.profile, ran_before: true };
    this.now = T0 + 100_000_000;
  }

  look(look: Look): PullPlan {
    this.#look = look;
    return this.plan();
  }

  override plan(): PullPlan {
    const readings = DEVICES.flatMap((device) => [...this.#fileOf(device), ...this.#hoursOf(device)]);
    const answers = DEVICES.flatMap((device) => this.#recordOf(device)).map((progress) =>
      answerOf({ ...progress, content_key: "2:x" }),
    );
    this.book = { ...this.book, readings };
    return planPull([{ book: this.book, answers }], this.profile, this.now);
  }

  #last(device: Device, known: number, isTold: (closing: Closing) => boolean): [Closing, number] | null {
    const index = this.#closings.findLastIndex((each, at) => at < known && each.device === device && isTold(each));
    const closing = this.#closings[index];
    return closing === undefined ? null : [closing, index];
  }

  #recordOf(device: Device): Progress[] {
    const last = this.#last(device, this.#look.server, ({ isPushed }) => isPushed);
    if (last === null) return [];
    const [{ share }, index] = last;
    const timestamp = T0 + index * 10_000;
    const document = documentOf(device);
    return [record({ document, percentage: share, progress: `/p[${index}]`, device, device_id: device, timestamp })];
  }

  /** By then the device has read for an hour at each of its closings, two of which fall on one day. */
  #hoursOf(device: Device): DeviceReading[] {
    const last = this.#last(device, this.#look.statistics, () => true);
    if (last === null) return [];
    const closed = this.#closings.flatMap((each, index) =>
      each.device === device && index <= last[1] ? [Math.floor(index / 2)] : [],
    );
    const card = { device: `${device}'s card`, device_id: `card-${device}`, at: T0 + last[1] * 10_000 };
    const told = { read_time: 3600 * closed.length, read_on: [...new Set(closed)] };
    return [deviceReadingOf(documentOf(device), { ...card, source: "statistics", ...told })];
  }

  #fileOf(device: Device): DeviceReading[] {
    const last = this.#last(device, this.#look[device], () => true);
    if (last === null) return [];
    const [{ share, lag, rating }, index] = last;
    const at = T0 + index * 10_000 + lag;
    const card = { device: `${device}'s card`, device_id: `card-${device}`, at, percentage: share, rating };
    return [deviceReadingOf(documentOf(device), { ...card, progress: `/p[${index}]` })];
  }
}

const closing: fc.Arbitrary<Closing> = fc.record({
  device: fc.constantFrom(...DEVICES),
  share: fc.integer({ min: 20, max: 970 }).map((thousandths) => thousandths / 1000),
  isPushed: fc.boolean(),
  lag: fc.integer({ min: 0, max: 300 }),
  rating: fc.integer({ min: 1, max: 5 }),
});
const closings = fc.array(closing, { minLength: 1, maxLength: 6 });
const known = fc.integer({ min: 0, max: 6 });
const looks = fc.array(fc.record({ server: known, statistics: known, A: known, B: known }), { maxLength: 6 });
const EVERYTHING: Look = { server: 6, statistics: 6, A: 6, B: 6 };
/** What shows where the reader is; dates and counts that are set once tell what was seen first. */
const SHOWN = ["#pct", "#status", "#device", "#loc", "#read", "#stars", "#time", "#days"];

function shownAfter(world: CardWorld): unknown[] {
  return SHOWN.map((name) => world.book.cells[name]);
}

const RUNS = { numRuns: 300 };

describe("whatever was seen before, in whatever order, older or missing", () => {
  test("the cells end as those of somebody who saw all of it at once", () => {
    fc.assert(
      fc.property(closings, looks, (told, seen) => {
        const [slow, quick] = [new CardWorld(told), new CardWorld(told)];
        for (const each of seen) slow.apply(slow.look(each), "theirs");
        slow.apply(slow.look(EVERYTHING), "theirs");
        quick.apply(quick.look(EVERYTHING), "theirs");
        expect(shownAfter(slow)).toEqual(shownAfter(quick));
      }),
      RUNS,
    );
  });

  test("a second look plans nothing", () => {
    fc.assert(
      fc.property(closings, looks, (told, seen) => {
        const world = new CardWorld(told);
        for (const each of seen) {
          world.apply(world.look(each), "theirs");
          const { updates, conflicts, bases, observations } = world.look(each);
          expect([...updates, ...conflicts, ...bases, ...observations]).toEqual([]);
        }
      }),
      RUNS,
    );
  });

  test("no file moves a book back unasked", () => {
    fc.assert(
      fc.property(closings, looks, (told, seen) => {
        const world = new CardWorld(told.map((each) => ({ ...each, isPushed: false })));
        for (const each of seen) {
          const plan = world.look(each);
          const back = plan.updates.filter(({ column }) => column === "#pct");
          expect(back.filter(({ before, after }) => Number(before) - Number(after) > 1)).toEqual([]);
          world.apply(plan, "theirs");
        }
      }),
      RUNS,
    );
  });

  test("an older file takes back no stars and no hours", () => {
    fc.assert(
      fc.property(closings, looks, (told, seen) => {
        const world = new CardWorld(told.map((each) => ({ ...each, device: "A", isPushed: false })));
        let newest = 0;
        for (const each of seen) {
          const before = Number(world.book.cells["#time"] ?? 0);
          const plan = world.look(each);
          const taken = plan.updates.filter(({ column: name }) => name === "#stars");
          expect(each.A <= newest ? taken : []).toEqual([]);
          const hours = plan.updates.filter(({ column: name }) => name === "#time" || name === "#days");
          expect(hours.filter(({ after, column: name }) => Number(after) < (name === "#time" ? before : 1))).toEqual(
            [],
          );
          newest = Math.max(newest, each.A);
          world.apply(plan, "theirs");
        }
      }),
      RUNS,
    );
  });

  test("hours that were undone stay undone until more is read", () => {
    fc.assert(
      fc.property(closings, (told) => {
        const world = new CardWorld(told);
        const seen: Look = { ...NOTHING, statistics: told.length };
        world.now = T0 + told.length * 10_000 + 1;
        world.apply(world.look(seen), "theirs");
        expect(world.book.cells["#time"]).toBe(60 * told.length);
        world.undo();
        expect(world.book.cells["#time"]).toBeNull();
        const again = world.look(seen);
        expect([...again.updates, ...again.placeless, ...again.bases]).toEqual([]);
      }),
      RUNS,
    );
  });

  test("what is gone empties no cell and plans nothing", () => {
    fc.assert(
      fc.property(closings, looks, (told, seen) => {
        const world = new CardWorld(told);
        for (const each of [...seen, EVERYTHING]) world.apply(world.look(each), "theirs");
        const { updates, conflicts, bases } = world.look(NOTHING);
        expect([...updates, ...conflicts, ...bases]).toEqual([]);
      }),
      RUNS,
    );
  });
});
