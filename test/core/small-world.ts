import * as fc from "fast-check";
import { bookOf } from "../support/models.ts";
import type { Cell } from "../../src/model/cell.ts";
import type { Base, Book, ColumnUpdate, Conflict, PullPlan } from "../../src/model/plan.ts";
import type { Profile } from "../../src/model/profile.ts";
import type { Progress } from "../../src/model/progress.ts";
import { planPull } from "../../src/core/plan-pull.ts";
import { answerOf, column, profileOf, record, T0 } from "./samples.ts";

/** Every column there is, so that a property sees all of them. */
export const ALL_COLUMNS = [
  column("percent", "#pct", "int"),
  column("status", "#status", "text"),
  column("device", "#device", "text"),
  column("location", "#loc", "text"),
  column("last_read", "#read", "datetime"),
  column("started", "#started", "datetime"),
  column("finished", "#finished", "datetime"),
  column("times_read", "#times", "int"),
  column("last_synced", "#synced", "datetime"),
];

/** Columns of another profile, one of them shared with the first. */
export const OTHER_COLUMNS = [
  column("percent", "#pct2", "int"),
  column("status", "#status", "text"),
  column("device", "#device2", "text"),
];

/** Shares as readers reach them: most floating-point numbers between 0 and 1 are all but 0. */
export const evenShare = fc.integer({ min: 0, max: 1000 }).map((thousandths) => thousandths / 1000);

export type Choice = "theirs" | "ours" | "later";

/** What makes a record, or what stands for one, the one that it is. */
type Observed = Pick<Progress, "document" | "percentage" | "progress" | "timestamp">;

interface Run {
  profile: string;
  entries: ColumnUpdate[];
  before: Base | null;
  after: Base | null;
  theirs: Observed | null;
}

/** One book, one server, two devices with a copy each; it keeps what the plugin keeps, by the plugin's rules. */
export class SmallWorld {
  now = T0;
  readonly server = new Map<string, Progress>();
  profile: Profile;
  readonly runs: Run[] = [];
  /** By profile, in the order in which they were kept. */
  readonly #bases = new Map<string, Base>();
  book: Book;

  constructor(rules: Partial<Profile["rules"]> = {}, profile: Profile = profileOf({ columns: ALL_COLUMNS, rules })) {
    this.profile = profile;
    const columns = [...ALL_COLUMNS, ...OTHER_COLUMNS].map((mapping) => mapping.column);
    this.book = bookOf({ cells: Object.fromEntries([...columns.map((name) => [name, null]), ["#mine", "untouched"]]) });
  }

  /** From now on another profile of the same account syncs; until it has a base of its own it is given the newest. */
  use(profile: Profile): void {
    this.profile = profile;
    const base = this.#bases.get(profile.id) ?? [...this.#bases.values()].at(-1) ?? null;
    this.book = { ...this.book, base };
  }

  /** The current profile maps other columns from now on. */
  map(columns: Profile["columns"]): void {
    this.profile = { ...this.profile, columns };
  }

  push(device: "A" | "B", percentage: number): void {
    const document = (device === "A" ? "a" : "b").repeat(32);
    const progress = `/body/DocFragment[1]/body/p[${Math.round(percentage * 1000) + 1}]`;
    this.server.set(
      document,
      record({ document, percentage, progress, device, device_id: device, timestamp: this.now }),
    );
  }

  edit(name: string, value: Cell): void {
    this.book = { ...this.book, cells: { ...this.book.cells, [name]: value } };
    // As calibre's listener in the GUI does.
    this.book.changed_at = { ...this.book.changed_at, [name]: this.now };
  }

  plan(): PullPlan {
    const answers = [...this.server.values()].map((progress) => answerOf({ ...progress, content_key: "2:same" }));
    return planPull([{ book: this.book, answers }], this.profile, this.now);
  }

  /** Writes a plan as the plugin would; `unticked` columns are left, conflicts decided as said. */
  apply(plan: PullPlan, choice: Choice = "later", unticked: readonly string[] = []): void {
    const [conflict] = plan.conflicts;
    const taken: Conflict | undefined = choice === "theirs" ? conflict : undefined;
    const offered = [...plan.updates, ...(taken?.updates ?? [])];
    const ticked = offered.filter((update) => !unticked.includes(update.column));
    const book = structuredClone(this.book);
    const mapped = new Set<string>(this.profile.columns.map(({ column: name }) => name));
    book.changed_at = {
      ...Object.fromEntries(Object.entries(book.changed_at).filter(([name]) => !mapped.has(name))),
      ...Object.fromEntries(plan.local_changes.map(({ column: name, at }) => [name, at])),
    };
    for (const { column: name, after } of ticked) {
      book.cells[name] = after;
      book.written[name] = after;
      delete book.changed_at[name];
    }
    const planned = plan.bases[0] ?? taken?.base ?? null;
    const base = ticked.length === offered.length ? planned : null;
    const [standIn] = plan.placeless;
    const declined = base === null ? (planned ?? (ticked.length < offered.length ? standIn : null)) : null;
    if (declined) book.declined.push(this.#declined(declined));
    if (choice === "ours" && conflict !== undefined) book.declined.push(this.#declined(conflict.theirs));
    book.observations.push(...plan.observations);
    if (ticked.length > 0) {
      const theirs = planned ?? conflict?.base ?? standIn ?? null;
      const before = this.#bases.get(this.profile.id) ?? null;
      this.runs.push({ profile: this.profile.id, entries: ticked, before, after: base, theirs });
    }
    if (base !== null) {
      book.base = base;
      this.#bases.delete(this.profile.id);
      this.#bases.set(this.profile.id, base);
    }
    this.book = book;
    this.now += 1;
  }

  /** Takes back the last run: cells that still hold what was written, the base, and the observation is declined. */
  undo(): void {
    const run = this.runs.pop();
    if (run === undefined) return;
    const book = structuredClone(this.book);
    for (const { column: name, before, after } of run.entries.toReversed()) {
      if (book.cells[name] !== after) continue;
      book.cells[name] = before;
      delete book.written[name];
    }
    if (run.theirs !== null) book.declined.push(this.#declined(run.theirs));
    this.book = book;
    if (run.after === null || this.#bases.get(run.profile) !== run.after) return;
    if (run.before === null) this.#bases.delete(run.profile);
    else this.#bases.set(run.profile, run.before);
    this.use(this.profile);
  }

  #declined({ document, percentage, progress, timestamp }: Observed): Book["declined"][number] {
    return { side: "theirs", document, percentage, progress, timestamp, at: this.now };
  }
}
