import { toSqlText } from "../../../io/sqlite/database.ts";
import type { Database } from "../../../io/sqlite/database.ts";
import { readHistoryRow } from "./rows.ts";
import { HISTORY_LENGTH } from "../store.ts";
import type { HistoryEntry } from "../store.ts";

const PRUNE_INTERVAL_MS = 1000;
/** About 2 ms of work; others have their turn between two slices. */
const DOCUMENTS_A_SLICE = 20;
const SLICES_A_TICK = 50;

/** The chains of earlier positions. */
export interface SqliteHistory {
  /** Newest first, without the current one. */
  read(documentId: number): HistoryEntry[];
  /** Removes a document with all that hangs on it; inside a transaction. False when there was none. */
  deleteDocument(username: string, document: string): boolean;
  /** Removes an account with all that hangs on it, if its credential is still this; inside a transaction. */
  deleteUser(username: string, credential: string): boolean;
  stop(): void;
}

function deleteChains(which: string): string {
  return `WITH RECURSIVE chain (id, document_id) AS (
      SELECT previous, id FROM documents WHERE ${which}
      UNION ALL SELECT h.previous, h.document_id FROM chain JOIN history h ON h.id = chain.id)
    DELETE FROM history WHERE id IN (SELECT id FROM chain)`;
}

/**
 * A `PUT` only ever appends to `history`, which costs least. A document whose chain may have grown too long is in
 * `overlong`, and is shortened within seconds: once for every `HISTORY_LENGTH` writes.
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
  const selectOverlong = db.prepare(`SELECT document_id FROM overlong LIMIT ${DOCUMENTS_A_SLICE}`);
  const shorten = db.prepare(
    `WITH RECURSIVE chain (id, n) AS (
       SELECT previous, 1 FROM documents WHERE id = ?1
       UNION ALL SELECT h.previous, n + 1 FROM chain JOIN history h ON h.id = chain.id)
     DELETE FROM history WHERE document_id = ?1 AND id IN (SELECT id FROM chain WHERE n > ${kept})`,
  );
  const isShort = db.prepare("DELETE FROM overlong WHERE document_id = ?");

  /** Whether there may be more. */
  function shortenSlice(): boolean {
    const rows = selectOverlong.all();
    for (const { document_id } of rows) {
      shorten.run(Number(document_id));
      isShort.run(Number(document_id));
    }
    return rows.length === DOCUMENTS_A_SLICE;
  }

  async function shortenAll(): Promise<void> {
    // Most of the time there is nothing to do, and nothing is written for it.
    if (db.read(() => selectOverlong.get()) === undefined) return;
    for (let slices = 0; slices < SLICES_A_TICK; slices++) {
      if (!(await db.write(shortenSlice))) return;
    }
  }

  const timer = setInterval(() => {
    // A failing disk is reported by the requests that need it.
    shortenAll().catch(() => undefined);
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
    stop: () => clearInterval(timer),
  };
}
