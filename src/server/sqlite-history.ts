import { toSqlText } from "../io/sqlite.ts";
import type { Database } from "../io/sqlite.ts";
import { readHistoryRow } from "./sqlite-rows.ts";
import { HISTORY_LENGTH } from "./store.ts";
import type { HistoryEntry } from "./store.ts";

const PRUNE_INTERVAL_MS = 1000;
const ROWS_A_SLICE = 2000;
const SLICES_A_TICK = 10;

/** The chains of earlier positions. */
export interface SqliteHistory {
  /** Newest first, without the current one. */
  read(documentId: number): HistoryEntry[];
  /** Removes a document with all that hangs on it; inside a transaction. False when there was none. */
  deleteDocument(username: string, document: string): boolean;
  /** Removes an account with all that hangs on it, if its credential is still this; inside a transaction. */
  deleteUser(username: string, credential: string): boolean;
  /** To be told of each row that is added, so that as many old ones are looked for. */
  readonly added: () => void;
  stop(): void;
}

function deleteChains(which: string): string {
  return `WITH RECURSIVE chain (id, document_id) AS (
      SELECT previous, id FROM documents WHERE ${which}
      UNION ALL SELECT h.previous, h.document_id FROM chain JOIN history h ON h.id = chain.id)
    DELETE FROM history WHERE id IN (SELECT id FROM chain)`;
}

/**
 * A `PUT` only ever appends to `history`, which costs least; rows that have become too old are swept later, a slice a
 * second, twice as many being looked at as were added.
 */
export function createSqliteHistory(db: Database): SqliteHistory {
  const kept = HISTORY_LENGTH - 1;
  const selectChain = db.prepare(
    `WITH RECURSIVE chain (id, n) AS (
       SELECT previous, 1 FROM documents WHERE id = ?1
       UNION ALL SELECT h.previous, n + 1 FROM chain JOIN history h ON h.id = chain.id WHERE n < ${kept})
     SELECT h.* FROM chain JOIN history h ON h.id = chain.id WHERE h.document_id = ?1 ORDER BY chain.n`,
  );
  const deleteDocumentChain = db.prepare(deleteChains("id = ?"));
  const deleteUserChains = db.prepare(deleteChains("user_id = ?"));
  const selectDocument = db.prepare(
    "SELECT d.id FROM documents d JOIN users u ON u.id = d.user_id WHERE u.name = ? AND d.document = ?",
  );
  const selectUser = db.prepare("SELECT id FROM users WHERE name = ? AND credential = ?");
  const removeDocument = db.prepare("DELETE FROM documents WHERE id = ?");
  const removeUser = db.prepare("DELETE FROM users WHERE id = ?");
  const selectSliceEnd = db.prepare(
    `SELECT max(id) AS last FROM (SELECT id FROM history WHERE id > ? ORDER BY id LIMIT ${ROWS_A_SLICE})`,
  );
  const sweep = db.prepare(
    `DELETE FROM history WHERE id > ? AND id <= ?
       AND number < (SELECT writes - ${kept} FROM documents d WHERE d.id = document_id)`,
  );
  let swept = 0;
  let debt = 0;

  /** Returns where to go on; past the end it starts again from the beginning. */
  function sweepSlice(): number {
    const last = selectSliceEnd.get(swept)?.["last"];
    if (typeof last !== "number") return 0;
    sweep.run(swept, last);
    return last;
  }

  async function sweepDebt(): Promise<void> {
    for (let slices = 0; slices < SLICES_A_TICK && debt >= ROWS_A_SLICE; slices++) {
      debt -= ROWS_A_SLICE;
      swept = await db.write(sweepSlice);
    }
  }

  const timer = setInterval(() => {
    // A failing disk is reported by the requests that need it.
    sweepDebt().catch(() => undefined);
  }, PRUNE_INTERVAL_MS);
  timer.unref();

  return {
    read: (documentId) => selectChain.all(documentId).map(readHistoryRow),
    deleteDocument(username, document) {
      const row = selectDocument.get(toSqlText(username), toSqlText(document));
      if (row === undefined) return false;
      deleteDocumentChain.run(Number(row["id"]));
      removeDocument.run(Number(row["id"]));
      return true;
    },
    deleteUser(username, credential) {
      const row = selectUser.get(toSqlText(username), toSqlText(credential));
      if (row === undefined) return false;
      deleteUserChains.run(Number(row["id"]));
      removeUser.run(Number(row["id"]));
      return true;
    },
    added: () => (debt += 2),
    stop: () => clearInterval(timer),
  };
}
