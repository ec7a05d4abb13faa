import { planPull } from "../../src/core/plan-pull.ts";
import type { DeviceReading } from "../../src/model/device-reading.ts";
import type { Base, Book, PullPlan, Reading } from "../../src/model/plan.ts";
import type { ColumnMapping, Profile, Rules } from "../../src/model/profile.ts";
import type { WhyCode } from "../../src/model/why.ts";
import { deviceReadingOf, knownDigestOf } from "../support/models.ts";
import { column, DAY, profileOf, readingOf, record, T0 } from "./samples.ts";
import type { answerOf } from "./samples.ts";

type Record_ = Parameters<typeof answerOf>[0];

/** One row of the decision table: what is given, and the reason with which the plan must answer. */
export interface Row {
  when: string;
  book?: Partial<Book>;
  records?: Record_[];
  rules?: Partial<Rules>;
  columns?: ColumnMapping[];
  /** A second book in the same run. */
  twin?: Reading;
  expect: "writes" | "asks" | "leaves";
  code: WhyCode;
  /** Cells after the plan, by lookup name; every other cell stays. */
  cells?: Record<string, string | number | boolean | null>;
}

/** The run of every row happens ten days after the time of the base. */
export const NOW = T0 + 10 * DAY;

const BASE: Base = {
  book_id: 1,
  document: "a".repeat(32),
  percentage: 0.4,
  progress: "/body/DocFragment[2]",
  timestamp: T0,
  device: "Kobo",
  values: { "#pct": 40, "#status": "Reading" },
};
const cells = { "#pct": 40, "#status": "Reading" };
const synced = { base: BASE, cells };
const later = { timestamp: T0 + DAY };
const typed = (percent: number | null, daysAfterBase?: number): Partial<Book> => ({
  base: BASE,
  cells: { ...cells, "#pct": percent },
  changed_at: daysAfterBase === undefined ? {} : { "#pct": T0 + daysAfterBase * DAY },
});
const finishedBook: Partial<Book> = {
  base: { ...BASE, percentage: 1, values: { "#pct": 100, "#status": "Finished" } },
  cells: { "#pct": 100, "#status": "Finished" },
};
const seenAt = (percentage: number, day: number): Book["observations"][number] => ({
  book_id: 1,
  at: T0 + day * DAY,
  progress: record({ percentage, timestamp: T0 + day * DAY }),
});
/** A book whose sidecar tells a place at the time of the base. */
const onCard = (file: Partial<DeviceReading>, book: Partial<Book> = {}): Partial<Book> => ({
  ...book,
  digests: [knownDigestOf(BASE.document, { source: "sidecar" })],
  readings: [deviceReadingOf(BASE.document, { at: T0, percentage: 0.4, progress: BASE.progress, ...file })],
});
const declined = (percentage: number, day: number): Book["declined"] => [
  {
    side: "theirs",
    document: "a".repeat(32),
    percentage,
    progress: record().progress,
    timestamp: T0 + day * DAY,
    at: NOW,
  },
];
const other = (more: Partial<NonNullable<Record_>>): NonNullable<Record_> => ({
  document: "b".repeat(32),
  device: "Phone",
  device_id: "P1",
  ...more,
});

/** Every decision, by section; `docs/rules.md` shows the same rows. */
// One row a line, like the table it is.
// oxfmt-ignore
export const SECTIONS: Readonly<Record<string, readonly Row[]>> = {
  "One side changed": [
    { when: "only the server moved on", book: synced, records: [{ percentage: 0.5, ...later }], expect: "writes", code: "read_on", cells: { "#pct": 50 } },
    { when: "only the server moved, a little back", book: synced, records: [{ percentage: 0.38, ...later }], expect: "writes", code: "step_back_small", cells: { "#pct": 38 } },
    { when: "the server says what was synced last", book: synced, records: [{ percentage: 0.4, progress: BASE.progress }], expect: "leaves", code: "unchanged" },
    { when: "the same place was uploaded again", book: synced, records: [{ percentage: 0.4, progress: BASE.progress, ...later }], expect: "leaves", code: "unchanged" },
    { when: "only the cell in calibre was changed", book: typed(70), records: [{ percentage: 0.4, progress: BASE.progress }], expect: "leaves", code: "changed_here" },
    { when: "a cell was cleared by hand, the server is silent", book: typed(null), records: [{ percentage: 0.4, progress: BASE.progress }], expect: "leaves", code: "changed_here" },
    { when: "a cell was cleared by hand, and then something newer is read", book: typed(null, 1), records: [{ percentage: 0.5, timestamp: T0 + 2 * DAY }], expect: "writes", code: "policy_newest", cells: { "#pct": 50 } },
    { when: "`ask`, a cell holds what an earlier sync wrote while another cell was left unticked", book: { base: BASE, cells: { ...cells, "#pct": 50 }, written: { "#pct": 50 } }, rules: { conflict: "ask" }, records: [{ percentage: 0.6, ...later }], expect: "writes", code: "read_on", cells: { "#pct": 60 } },
    { when: "the server went back to an older record (a restored backup)", book: synced, records: [{ percentage: 0.3, timestamp: T0 - DAY }], expect: "leaves", code: "older_record" },
    { when: "the server knows none of the book's digests", book: synced, records: [], expect: "leaves", code: "not_on_server" },
    { when: "the server holds only what we put there when carrying over", records: [{ device_id: "calibre-koreader-progress-7" }], expect: "leaves", code: "own_record" },
  ],
  "Both sides changed": [
    { when: "`newest`, the reading is newer than the change in calibre", book: typed(70, 1), records: [{ percentage: 0.75, timestamp: T0 + 2 * DAY }], expect: "writes", code: "policy_newest", cells: { "#pct": 75 } },
    { when: "`newest`, the change in calibre is newer", book: typed(70, 3), records: [{ percentage: 0.75, timestamp: T0 + 2 * DAY }], expect: "leaves", code: "library_newer" },
    { when: "`newest`, nobody saw when calibre's cell changed: it counts as changed now", book: typed(70), records: [{ percentage: 0.75, timestamp: T0 + 2 * DAY }], expect: "leaves", code: "library_newer" },
    { when: "`newest`, within two minutes of each other: the further one wins", book: typed(70, 1), records: [{ percentage: 0.75, timestamp: T0 + DAY + 60 }], expect: "writes", code: "too_close", cells: { "#pct": 75 } },
    { when: "`newest`, within two minutes, calibre further", book: typed(70, 1), records: [{ percentage: 0.67, timestamp: T0 + DAY + 60 }], expect: "leaves", code: "library_further" },
    { when: "`newest`, the server's clock runs days ahead: nothing was read later than now", book: typed(70, 10), records: [{ percentage: 0.75, timestamp: NOW + 30 * DAY }], expect: "writes", code: "too_close", cells: { "#pct": 75 } },
    { when: "`furthest`, the server further", book: typed(70, 3), rules: { conflict: "furthest" }, records: [{ percentage: 0.75, ...later }], expect: "writes", code: "policy_furthest", cells: { "#pct": 75 } },
    { when: "`furthest`, calibre further", book: typed(70, 1), rules: { conflict: "furthest" }, records: [{ percentage: 0.6, timestamp: T0 + 2 * DAY }], expect: "leaves", code: "library_further" },
    { when: "`server`", book: typed(70, 3), rules: { conflict: "server" }, records: [{ percentage: 0.68, ...later }], expect: "writes", code: "policy_server", cells: { "#pct": 68 } },
    { when: "`library`", book: typed(70, 1), rules: { conflict: "library" }, records: [{ percentage: 0.9, timestamp: T0 + 2 * DAY }], expect: "leaves", code: "policy_library" },
    { when: "`ask`", book: typed(70, 1), rules: { conflict: "ask" }, records: [{ percentage: 0.75, timestamp: T0 + 2 * DAY }], expect: "asks", code: "both_changed", cells: { "#pct": 75 } },
    { when: "both moved to the same place", book: typed(70, 1), rules: { conflict: "ask" }, records: [{ percentage: 0.7, timestamp: T0 + 2 * DAY }], expect: "leaves", code: "unchanged" },
    { when: "both moved to the same place, and a column says where it was read", book: { ...typed(70, 1), base: { ...BASE, values: { "#pct": 40, "#device": "Kobo" } }, cells: { "#pct": 70, "#device": "Kobo" } }, columns: [column("percent", "#pct", "int"), column("device", "#device", "text")], records: [other({ percentage: 0.7, timestamp: T0 + 2 * DAY })], expect: "writes", code: "same_place", cells: { "#device": "Phone" } },
  ],
  "Never silently backwards": [
    ...(["newest", "server", "ask", "library"] as const).map((conflict): Row => ({ when: `\`${conflict}\`, only the server moved, and back by more than 5 %`, book: synced, rules: { conflict }, records: [{ percentage: 0.2, ...later }], expect: "asks", code: "step_back", cells: { "#pct": 20 } })), { when: "`furthest`, only the server moved, and back", book: synced, rules: { conflict: "furthest" }, records: [{ percentage: 0.2, ...later }], expect: "leaves", code: "library_further" },
    { when: "`server`, both changed, the server far behind", book: typed(70, 1), rules: { conflict: "server" }, records: [{ percentage: 0.5, timestamp: T0 + 2 * DAY }], expect: "asks", code: "step_back", cells: { "#pct": 50 } },
    { when: "no base, and the newest of two copies is far behind the other", records: [{ percentage: 0.8 }, other({ percentage: 0.3, ...later })], expect: "asks", code: "step_back", cells: { "#pct": 30, "#status": "Reading" } },
  ],
  "No base yet": [
    { when: "the cells are empty", records: [{ percentage: 0.4 }], expect: "writes", code: "first_seen", cells: { "#pct": 40, "#status": "Reading" } },
    { when: "the cells hold what the server says", book: { cells }, records: [{ percentage: 0.4 }], expect: "leaves", code: "unchanged" },
    { when: "one cell is equal, one is empty", book: { cells: { "#pct": 40, "#status": null } }, records: [{ percentage: 0.4 }], expect: "writes", code: "first_seen", cells: { "#status": "Reading" } },
    { when: "0 % and “unread” stand in every book by default", book: { cells: { "#pct": 0, "#status": "Unread" } }, records: [{ percentage: 0.4 }], expect: "writes", code: "first_seen", cells: { "#pct": 40, "#status": "Reading" } },
    { when: "`newest`, a cell holds something else", book: { cells: { "#pct": 35, "#status": null } }, records: [{ percentage: 0.4 }], expect: "asks", code: "no_base_differs", cells: { "#pct": 40, "#status": "Reading" } },
    { when: "`furthest`, the cell is further", book: { cells: { "#pct": 60, "#status": null } }, rules: { conflict: "furthest" }, records: [{ percentage: 0.4 }], expect: "leaves", code: "library_further" },
    { when: "`furthest`, the server is further", book: { cells: { "#pct": 35, "#status": null } }, rules: { conflict: "furthest" }, records: [{ percentage: 0.4 }], expect: "writes", code: "policy_furthest", cells: { "#pct": 40, "#status": "Reading" } },
    { when: "`server`, the cell is a little further", book: { cells: { "#pct": 43, "#status": null } }, rules: { conflict: "server" }, records: [{ percentage: 0.4 }], expect: "writes", code: "policy_server", cells: { "#pct": 40, "#status": "Reading" } },
    { when: "`library`, a cell holds something else", book: { cells: { "#pct": 35, "#status": null } }, rules: { conflict: "library" }, records: [{ percentage: 0.4 }], expect: "leaves", code: "policy_library" },
    { when: "the cell says finished, the server 40 %", book: { cells: { "#pct": null, "#status": "Finished" } }, rules: { conflict: "server" }, records: [{ percentage: 0.4 }], expect: "leaves", code: "finished_stays" },
  ],
  "Finished and read again": [
    { when: "the server reaches the finish threshold", book: synced, records: [{ percentage: 0.99, ...later }], expect: "writes", code: "read_on", cells: { "#pct": 99, "#status": "Finished" } },
    { when: "a finished book is opened a few pages before its end", book: finishedBook, records: [{ percentage: 0.97, ...later }], expect: "leaves", code: "finished_stays" },
    { when: "a finished book is opened somewhere, once", book: finishedBook, rules: { reread: "count" }, records: [{ percentage: 0.3, ...later }], expect: "leaves", code: "finished_stays" },
    { when: "`count`, opened once since the finish; what was read before it does not count", book: { ...finishedBook, observations: [seenAt(0.05, -3)] }, rules: { reread: "count" }, records: [{ percentage: 0.3, ...later }], expect: "leaves", code: "finished_stays" },
    { when: "`count`, some device moved on by 5 % since the finish", book: { ...finishedBook, observations: [seenAt(0.05, 1)] }, rules: { reread: "count" }, records: [{ percentage: 0.12, timestamp: T0 + 2 * DAY }], expect: "writes", code: "reread", cells: { "#pct": 12, "#status": "Reading" } },
    { when: "`ask`, some device moved on by 5 % since the finish", book: { ...finishedBook, observations: [seenAt(0.05, 1)] }, rules: { reread: "ask" }, records: [{ percentage: 0.12, timestamp: T0 + 2 * DAY }], expect: "asks", code: "reread_ask", cells: { "#pct": 12, "#status": "Reading" } },
    { when: "`ignore`, however far it is read", book: { ...finishedBook, observations: [seenAt(0.05, 1)] }, rules: { reread: "ignore" }, records: [{ percentage: 0.5, timestamp: T0 + 2 * DAY }], expect: "leaves", code: "reread_ignored" },
    { when: "marked as finished on the device at 94 %", book: { ...synced, marks: [{ device: "Kobo", status: "complete", at: T0 + DAY }] }, records: [{ percentage: 0.94, ...later }], expect: "writes", code: "finished_on_device", cells: { "#pct": 94, "#status": "Finished" } },
    { when: "marked as finished on the device, the server silent", book: { ...synced, marks: [{ device: "Kobo", status: "complete", at: T0 + DAY }] }, records: [{ percentage: 0.4, progress: BASE.progress }], expect: "writes", code: "finished_on_device", cells: { "#status": "Finished" } },
    { when: "finished by hand at 60 %, and read on", book: { base: { ...BASE, percentage: 0.6, values: { "#pct": 60, "#status": "Reading" } }, cells: { "#pct": 60, "#status": "Finished" } }, records: [{ percentage: 0.65, ...later }], expect: "writes", code: "read_on", cells: { "#pct": 65 } },
    { when: "the reader set a finished book to reading by hand, and reads on", book: { ...finishedBook, cells: { "#pct": 100, "#status": "Reading" } }, records: [{ percentage: 0.97, ...later }], expect: "writes", code: "step_back_small", cells: { "#pct": 97 } },
  ],
  "The reader's own words": [
    { when: "the status is a word of the reader's own", book: { base: BASE, cells: { "#pct": 40, "#status": "On hold" } }, records: [{ percentage: 0.5, ...later }], expect: "writes", code: "own_word", cells: { "#pct": 50 } },
    { when: "`newest`, a status was set by hand later than the reading", book: { base: BASE, cells: { "#pct": 40, "#status": "Unread" } }, records: [{ percentage: 0.5, ...later }], expect: "writes", code: "status_kept", cells: { "#pct": 50 } },
    { when: "`newest`, a status was set by hand earlier than the reading", book: { base: BASE, cells: { "#pct": 40, "#status": "Unread" }, changed_at: { "#status": T0 + 3600 } }, records: [{ percentage: 0.5, ...later }], expect: "writes", code: "read_on", cells: { "#pct": 50, "#status": "Reading" } },
    { when: "`ask`, a status was set by hand", book: { base: BASE, cells: { "#pct": 40, "#status": "Unread" }, changed_at: { "#status": T0 + 3600 } }, rules: { conflict: "ask" }, records: [{ percentage: 0.5, ...later }], expect: "asks", code: "status_differs", cells: { "#pct": 50, "#status": "Reading" } },
  ],
  "Peeks and what was declined": [
    { when: "a copy was opened at its first page while another is further", book: synced, records: [{ percentage: 0.4, progress: BASE.progress }, other({ percentage: 0.002, ...later })], expect: "leaves", code: "unchanged" },
    { when: "the copy itself was opened anew at its first page", book: synced, records: [{ percentage: 0.002, ...later }], expect: "leaves", code: "peek" },
    { when: "the first page is all that was ever read", records: [{ percentage: 0.002 }], expect: "writes", code: "first_seen", cells: { "#pct": 0, "#status": "Unread" } },
    { when: "what was unticked, undone or decided against", book: { ...synced, declined: declined(0.5, 1) }, records: [{ percentage: 0.5, ...later }], expect: "leaves", code: "declined" },
    { when: "an older record than the declined one", book: { ...synced, declined: declined(0.5, 3) }, records: [other({ percentage: 0.45, timestamp: T0 + 2 * DAY })], expect: "leaves", code: "declined" },
    { when: "something newer than the declined record", book: { ...synced, declined: declined(0.5, 1) }, records: [{ percentage: 0.52, timestamp: T0 + 2 * DAY }], expect: "writes", code: "read_on", cells: { "#pct": 52 } },
  ],
  "Times that cannot be trusted": [
    { when: "the server says no time, and is further", book: synced, records: [{ percentage: 0.5, timestamp: null }], expect: "writes", code: "read_on", cells: { "#pct": 50 } },
    { when: "the server says no time, and is behind", book: synced, records: [{ percentage: 0.38, timestamp: null }], expect: "leaves", code: "undated_behind" },
    { when: "an offline queue was drained late: newer by its time, far behind by its place", book: synced, records: [{ percentage: 0.1, timestamp: T0 + 9 * DAY }], expect: "asks", code: "step_back", cells: { "#pct": 10 } },
  ],
  "Several devices, copies and books": [
    { when: "two devices: the newer upload counts", book: synced, records: [{ percentage: 0.45, ...later }, other({ percentage: 0.5, timestamp: T0 + 2 * DAY })], expect: "writes", code: "read_on", cells: { "#pct": 50 } },
    { when: "`furthest`, two devices: the further one counts", book: synced, rules: { conflict: "furthest" }, records: [{ percentage: 0.55, ...later }, other({ percentage: 0.5, timestamp: T0 + 2 * DAY })], expect: "writes", code: "read_on", cells: { "#pct": 55 } },
    { when: "the stale device is older", book: synced, records: [{ percentage: 0.5, timestamp: T0 + 2 * DAY }, other({ percentage: 0.45, ...later })], expect: "writes", code: "read_on", cells: { "#pct": 50 } },
    { when: "another book has the better claim to the document", records: [{ source: "library" }], twin: readingOf({ book_id: 2, title: "Twin", records: [{ source: "sidecar" }] }), expect: "leaves", code: "document_of_another" },
    { when: "two books of the same text have an equal claim", records: [{ content_key: `2:${"c".repeat(32)}` }], twin: readingOf({ book_id: 2, records: [{ content_key: `2:${"c".repeat(32)}` }] }), expect: "writes", code: "first_seen", cells: { "#pct": 40, "#status": "Reading" } },
    { when: "two books of different text have an equal claim", records: [{ content_key: `2:${"c".repeat(32)}` }], twin: readingOf({ book_id: 2, records: [{ content_key: `2:${"d".repeat(32)}` }] }), expect: "leaves", code: "document_ambiguous" },
  ],
  "What a reader's own files tell": [
    { when: "a card, and no server", book: onCard({}), expect: "writes", code: "first_seen", cells: { "#pct": 40, "#status": "Reading" } },
    { when: "a card and the server tell of one closing: within five minutes, or at most half a percent apart", book: onCard({ at: T0 + 200 }, synced), records: [{ percentage: 0.4, progress: BASE.progress }], expect: "leaves", code: "unchanged" },
    { when: "the card was closed later than the server was told", book: onCard({ at: T0 + DAY, percentage: 0.5 }, synced), records: [{ percentage: 0.4, progress: BASE.progress }], expect: "writes", code: "read_on", cells: { "#pct": 50 } },
    { when: "an older card", book: onCard({ at: T0 - DAY, percentage: 0.2 }, synced), expect: "leaves", code: "older_record" },
    { when: "a newer file is behind, by however little: it may be a copy", book: onCard({ at: T0 + DAY, percentage: 0.38 }, synced), expect: "asks", code: "step_back", cells: { "#pct": 38 } },
    { when: "stars were given on the reader, and the column is empty", columns: [column("rating", "#stars", "rating")], book: onCard({ rating: 4 }, { cells: { "#stars": null } }), expect: "writes", code: "told", cells: { "#stars": 8 } },
    { when: "stars were given on the reader, and others by hand in the library", columns: [column("rating", "#stars", "rating")], book: onCard({ rating: 4 }, { cells: { "#stars": 2 } }), expect: "leaves", code: "told_kept" },
    { when: "half a star more in the library than the reader can tell", columns: [column("rating", "#stars", "rating")], book: onCard({ rating: 4 }, { cells: { "#stars": 9 }, written: { "#stars": 9 } }), expect: "leaves", code: "unchanged" },
    { when: "marked as finished on the card at 94 %", book: onCard({ percentage: 0.94, status: "complete", marked: T0 }), expect: "writes", code: "first_seen", cells: { "#pct": 94, "#status": "Finished" } },
  ],
  "Columns that cannot be written": [
    { when: "the column has vanished from the library", book: { cells: { "#status": null } }, records: [{}], expect: "writes", code: "column_gone", cells: { "#status": "Reading" } },
    { when: "the column cannot hold its field", columns: [column("percent", "#pct", "datetime"), column("status", "#status", "text")], records: [{}], expect: "writes", code: "column_unfit", cells: { "#status": "Reading" } },
    { when: "the enumeration lacks the word", columns: [column("percent", "#pct", "int"), column("status", "#status", "enumeration", { enum_values: ["Done"] })], records: [{}], expect: "writes", code: "not_in_enumeration", cells: { "#pct": 40 } },
  ],
  "Columns mapped later, and other profiles": [
    { when: "a column was mapped since the last sync and is empty", book: { base: { ...BASE, values: { "#pct": 40 } }, cells: { "#pct": 40, "#status": null } }, records: [{ percentage: 0.4, progress: BASE.progress }], expect: "writes", code: "new_column", cells: { "#status": "Reading" } },
    { when: "a column was mapped since the last sync and holds something else", book: { base: { ...BASE, values: { "#status": "Reading" } }, cells: { "#pct": 77, "#status": "Reading" } }, records: [{ percentage: 0.4, progress: BASE.progress }], expect: "asks", code: "no_base_differs", cells: { "#pct": 40 } },
    { when: "`library`, a column was mapped since the last sync and holds something else", book: { base: { ...BASE, values: { "#status": "Reading" } }, cells: { "#pct": 77, "#status": "Reading" } }, rules: { conflict: "library" }, records: [{ percentage: 0.4, progress: BASE.progress }], expect: "leaves", code: "policy_library" },
    { when: "`server`, a column was mapped since the last sync and holds something else", book: { base: { ...BASE, values: { "#status": "Reading" } }, cells: { "#pct": 44, "#status": "Reading" } }, rules: { conflict: "server" }, records: [{ percentage: 0.4, progress: BASE.progress }], expect: "writes", code: "new_column", cells: { "#pct": 40 } },
    { when: "the server moved on, and a column mapped since is empty", book: { base: { ...BASE, values: { "#pct": 40 } }, cells: { "#pct": 40, "#status": null } }, records: [{ percentage: 0.5, ...later }], expect: "writes", code: "read_on", cells: { "#pct": 50, "#status": "Reading" } },
    { when: "the server moved on, and a column mapped since holds something else", book: { base: { ...BASE, values: { "#status": "Reading" } }, cells: { "#pct": 45, "#status": "Reading" } }, records: [{ percentage: 0.5, ...later }], expect: "asks", code: "no_base_differs", cells: { "#pct": 50 } },
    { when: "the server went back to an older record, and a column mapped since is empty: it shows what the others show", book: { base: { ...BASE, values: { "#pct": 40 } }, cells: { "#pct": 40, "#status": null } }, records: [{ percentage: 0.3, timestamp: T0 - DAY }], expect: "writes", code: "new_column", cells: { "#status": "Reading" } },
    { when: "another profile of the account has taken this record into other columns", book: { base: { ...BASE, values: { "#elsewhere": 40 } }, cells: { "#pct": null, "#status": null } }, records: [{ percentage: 0.4, progress: BASE.progress }], expect: "writes", code: "first_seen", cells: { "#pct": 40, "#status": "Reading" } },
    { when: "`furthest`, another profile of the account has taken the newer record of another copy", book: { base: { ...BASE, percentage: 0.2, document: "b".repeat(32), timestamp: T0 + DAY, values: { "#elsewhere": 20 } }, cells: { "#pct": null, "#status": null } }, rules: { conflict: "furthest" }, records: [{ percentage: 0.6 }, other({ percentage: 0.2, ...later })], expect: "writes", code: "first_seen", cells: { "#pct": 60, "#status": "Reading" } },
    { when: "no base, one cell was unticked, the other holds what we wrote, and the server says the same", book: { cells: { "#pct": 40, "#status": null }, written: { "#pct": 40 }, declined: declined(0.4, 0) }, records: [{}], expect: "leaves", code: "declined" },
    { when: "no base, one cell was unticked, the other holds what we wrote, and something newer is read", book: { cells: { "#pct": 40, "#status": null }, written: { "#pct": 40 }, declined: declined(0.4, 0) }, records: [{ percentage: 0.5, ...later }], expect: "writes", code: "read_on", cells: { "#pct": 50, "#status": "Reading" } },
    { when: "no base, the cell holds what we wrote, and the newer place lies far behind", book: { cells: { "#pct": 40, "#status": null }, written: { "#pct": 40 }, declined: declined(0.4, 0) }, records: [{ percentage: 0.2, ...later }], expect: "asks", code: "step_back", cells: { "#pct": 20, "#status": "Reading" } },
  ],
};

/** Plans a row's book (and its twin) as a run would. */
export function planRow({ book = {}, records = [], rules = {}, columns, twin }: Row): PullPlan {
  const profile: Profile = profileOf(columns === undefined ? { rules } : { rules, columns });
  const readings = [readingOf({ ...book, records }), ...(twin === undefined ? [] : [twin])];
  return planPull(readings, profile, NOW);
}

function ofFirst<T extends { book_id: number }>(items: readonly T[]): T[] {
  return items.filter(({ book_id }) => book_id === 1);
}

/** What a row's plan does to its book: every reason it gives, and the cells it would write or asks about. */
export function outcomeOf(plan: PullPlan): {
  does: Row["expect"];
  codes: string[];
  cells: Record<string, string | number | boolean | null>;
} {
  const [updates, conflicts, skipped] = [ofFirst(plan.updates), ofFirst(plan.conflicts), ofFirst(plan.skipped)];
  const offered = [...updates, ...conflicts.flatMap((conflict) => conflict.updates)];
  const codes = [
    ...offered.map(({ why }) => why.code),
    ...conflicts.map(({ why }) => why.code),
    ...skipped.map(({ reason }) => reason.code),
  ];
  return {
    does: conflicts.length > 0 ? "asks" : updates.length > 0 ? "writes" : "leaves",
    codes: [...new Set(codes)],
    cells: Object.fromEntries(offered.map(({ column: name, after }) => [name, after])),
  };
}

const FIELDS: Readonly<Record<string, string>> = { "#pct": "percent", "#status": "status" };

/** The decision table as Markdown, made from what the rules really answer. */
export function renderTables(): string {
  const parts = Object.entries(SECTIONS).map(([title, rows]) => {
    const lines = rows.map((row) => {
      const { does, cells: after } = outcomeOf(planRow(row));
      const values = Object.entries(after).map(([name, value]) => `${FIELDS[name] ?? name} ${value}`);
      const what = does === "leaves" ? "leaves the cells" : `${does}${does === "asks" ? ":" : ""} ${values.join(", ")}`;
      return `| ${row.when} | ${what} | \`${row.code}\` |`;
    });
    return [`### ${title}`, "", "| when | the sync | reason |", "|---|---|---|", ...lines].join("\n");
  });
  return parts.join("\n\n");
}
