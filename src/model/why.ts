import * as z from "zod";
import { Cell } from "./cell.ts";

/**
 * Every reason the project can give, with the names of the data its sentence may use. The sentence itself is made
 * in `words/reasons.py`, where the language is known. Shares are 0..1, times epoch seconds, columns lookup names.
 */
export const WHY_DATA = {
  // Something is written.
  first_seen: ["percentage", "device", "timestamp"],
  read_on: ["percentage", "from", "device", "timestamp"],
  step_back_chosen: ["percentage", "from", "device", "timestamp"],
  step_back_small: ["percentage", "from", "device", "timestamp"],
  same_place: ["percentage", "device", "timestamp"],
  policy_newest: ["percentage", "from", "device", "timestamp", "changed_at"],
  policy_furthest: ["percentage", "from", "device", "timestamp"],
  policy_server: ["percentage", "from", "device", "timestamp"],
  too_close: ["percentage", "from", "device", "timestamp"],
  new_column: ["column", "percentage", "device", "timestamp"],
  started: ["timestamp"],
  finished: ["timestamp", "device"],
  finished_on_device: ["device", "timestamp"],
  reread: ["percentage", "device", "timestamp"],
  times_read: ["times"],
  told: ["field", "device", "timestamp"],
  started_told: ["device", "timestamp"],
  finished_told: ["device", "timestamp"],
  synced: [],
  undone: ["timestamp"],
  // Somebody is asked.
  both_changed: ["percentage", "from", "device", "timestamp", "changed_at"],
  step_back: ["percentage", "from", "device", "timestamp"],
  no_base_differs: ["percentage", "column", "value", "device", "timestamp"],
  status_differs: ["column", "value", "wanted", "device", "timestamp"],
  reread_ask: ["percentage", "device", "timestamp"],
  // Nothing is written for a book.
  unchanged: [],
  not_on_server: [],
  not_on_reader: [],
  not_asked: ["asked"],
  allowance_spent: ["asked"],
  own_record: [],
  peek: ["percentage", "from", "device"],
  declined: ["percentage", "device", "timestamp"],
  older_record: ["percentage", "device", "timestamp", "base_timestamp"],
  undated_behind: ["percentage", "from", "device"],
  changed_here: ["percentage"],
  library_newer: ["percentage", "from", "device", "timestamp", "changed_at"],
  library_further: ["percentage", "from", "device"],
  policy_library: ["percentage", "from", "device"],
  finished_stays: ["percentage", "device", "timestamp"],
  reread_ignored: ["percentage", "device", "timestamp"],
  document_of_another: ["document", "other_id", "other_title"],
  document_ambiguous: ["document", "other_id", "other_title"],
  no_candidates: [],
  book_gone: [],
  book_unreadable: ["path", "reason"],
  memory_mended: [],
  answer_failed: ["document", "error", "status", "cause"],
  not_reached: ["error", "status", "cause"],
  // Nothing is written into one cell.
  own_word: ["column", "value"],
  status_kept: ["column", "value"],
  place_untold: ["column"],
  told_kept: ["column"],
  column_gone: ["column"],
  column_unfit: ["column", "field", "datatype"],
  not_in_enumeration: ["column", "value"],
  write_refused: ["column", "error"],
  unticked: ["column"],
  // Something is put on the server, or somebody is asked before.
  push_place: ["percentage", "from", "device"],
  push_first: ["percentage"],
  push_typed: ["percentage", "from", "device"],
  push_both_changed: ["percentage", "from", "device", "timestamp", "changed_at"],
  push_step_back: ["percentage", "from", "device", "timestamp"],
  push_finished: ["percentage", "device", "timestamp"],
  // Nothing is put on the server.
  push_nothing_new: [],
  push_protected: ["format"],
  push_unreadable: ["format"],
  push_place_lost: ["format"],
  push_same_place: ["percentage"],
  push_came_from_server: ["percentage"],
  push_server_newer: ["percentage", "from", "device", "timestamp"],
  push_server_further: ["percentage", "from", "device"],
  push_policy_server: ["percentage", "from", "device"],
  push_not_verified: ["percentage"],
  push_no_document: [],
  push_many: ["column"],
  push_peek: ["percentage", "from"],
  push_taken_back: ["percentage"],
  // A push is undone.
  push_undone: ["document"],
  push_removed: ["document"],
  push_superseded: ["document", "device", "timestamp"],
  push_stays: ["document"],
  carried_over: ["document", "percentage"],
  offer_again: ["document", "percentage", "device"],
  offer_replaced: ["document", "percentage", "from", "device", "timestamp"],
  offer_same_place: ["document", "percentage"],
  offer_read_there: ["document", "percentage", "from", "device", "timestamp"],
  offer_newer_there: ["document", "percentage", "from"],
  offer_moved_on: ["document", "percentage", "device"],
  offer_failed: ["document", "error", "status", "cause"],
  // Reading moves to another account.
  moved: ["document", "percentage", "device"],
  move_stands: ["document", "percentage", "from", "device", "timestamp"],
  move_waits: ["document", "percentage"],
  offer_no_place: [],
  offer_pages_alike: [],
  // A plan must be reviewed.
  first_run: [],
  no_base: ["books"],
} as const satisfies Record<string, readonly string[]>;

type Codes = keyof typeof WHY_DATA;

/** The name of a reason. */
export const WhyCode = z.enum(Object.keys(WHY_DATA) as [Codes, ...Codes[]]).meta({ id: "WhyCode" });
export type WhyCode = z.infer<typeof WhyCode>;

/** Why something is written, left or asked; the sentence is made where the language is known. */
export const Why = z.strictObject({ code: WhyCode, data: z.record(z.string(), Cell) }).meta({ id: "Why" });
export type Why = z.infer<typeof Why>;

/** Makes a reason whose data has exactly the names its sentence may use. */
export function why<C extends WhyCode>(code: C, data: Record<(typeof WHY_DATA)[C][number], Cell>): Why {
  return { code, data };
}
