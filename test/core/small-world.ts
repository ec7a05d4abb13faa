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

export type Choice = "theirs" | "ours" | "later";

interface Run {
  entries: ColumnUpdate[];
  before: Base | null;
  after: Base | null;
  theirs: Progress | null;
}

/** One book, one server, two devices with a copy each; it keeps what the plugin keeps, by the plugin's rules. */
export class SmallWorld {
  now = T0;
  readonly server = new Map<string, Progress>();
  readonly profile: Profile;
  readonly runs: Run[] = [];
  book: Book;

  constructor(rules: Partial<Profile["rules"]> = {}) {
    this.profile = profileOf({ columns: ALL_COLUMNS, rules });
    this.book = bookOf({
      cells: Object.fromEntries([...ALL_COLUMNS.map((mapping) => [mapping.column, null]), ["#mine", "untouched"]]),
    });
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
    const answers = [...this.server.values()].map((progress) => answerOf({ ...progress, content_key: "same" }));
    return planPull([{ book: this.book, answers }], this.profile, this.now);
  }

  /** Writes a plan as the plugin would; `unticked` columns are left, conflicts decided as said. */
  apply(plan: PullPlan, choice: Choice = "later", unticked: readonly string[] = []): void {
    const [conflict] = plan.conflicts;
    const taken: Conflict | undefined = choice === "theirs" ? conflict : undefined;
    const offered = [...plan.updates, ...(taken?.updates ?? [])];
    const ticked = offered.filter((update) => !unticked.includes(update.column));
    const book = structuredClone(this.book);
    book.changed_at = Object.fromEntries(plan.local_changes.map(({ column: name, at }) => [name, at]));
    for (const { column: name, after } of ticked) {
      book.cells[name] = after;
      book.written[name] = after;
      delete book.changed_at[name];
    }
    const planned = plan.bases[0] ?? taken?.base ?? null;
    const base = ticked.length === offered.length ? planned : null;
    const declined = base === null ? planned : null;
    if (declined !== null) book.declined.push(this.#declined(declined));
    if (choice === "ours" && conflict !== undefined) book.declined.push(this.#declined(conflict.theirs));
    book.observations.push(...plan.observations);
    if (ticked.length > 0) {
      const theirs = (planned ?? conflict?.base ?? null) as Progress | null;
      this.runs.push({ entries: ticked, before: this.book.base, after: base, theirs });
    }
    if (base !== null) book.base = base;
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
    if (run.after !== null) book.base = run.before;
    if (run.theirs !== null) book.declined.push(this.#declined(run.theirs));
    this.book = book;
  }

  #declined({ document, percentage, progress, timestamp }: Progress | Base): Book["declined"][number] {
    return { document, percentage, progress, timestamp, at: this.now };
  }
}
