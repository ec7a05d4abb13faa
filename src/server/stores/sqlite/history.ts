import { randomUUID } from "node:crypto";
import { toSqlText } from "../../../io/sqlite/database.ts";
import type { Database, SqlRow } from "../../../io/sqlite/database.ts";
import { readHistoryRow } from "./rows.ts";
import { HISTORY_LENGTH } from "../store.ts";
import type { HistoryEntry } from "../store.ts";

const PRUNE_INTERVAL_MS = 1000;
/** What an account is called whose rows are still to go; no account that lives has a colon in its name. */
const BURIED = ":deleted:";
/** About 2 ms of work; others have their turn between two slices. */
const DOCUMENTS_A_SLICE = 20;
const SLICES_A_TICK = 50;
const SLICE_OF_USER = `SELECT id FROM documents WHERE user_id = ? ORDER BY id LIMIT ${DOCUMENTS_A_SLICE}`;

/** Whether this is the name of an account that was deleted. */
export function isBuried(username: string): boolean {
  return username.startsWith(BURIED);
}

/** The chains of earlier positions. */
export interface SqliteHistory {
  /** Newest first, without the current one. */
  read(documentId: number): HistoryEntry[];
  /** Removes a document with all that hangs on it; inside a transaction. False when there was none. */
  deleteDocument(username: string, document: string): boolean;
  /**
   * Removes an account, if its credential is still this; inside a transaction. Nobody finds it from then on, and its name is
   * free; what hangs on it goes in slices, as all at once would keep everybody waiting.
   */
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
 * A `PUT` only ever appends to `history`, which costs least. A document whose chain may have grown too long is in the table
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
  const deleteSliceChains = db.prepare(deleteChains(`id IN (${SLICE_OF_USER})`));
  const selectDocument = db.prepare(
    "SELECT d.id FROM documents d JOIN users u ON u.id = d.user_id WHERE u.name = ? AND d.document = ?",
  );
  const selectUser = db.prepare("SELECT id FROM users WHERE name = ? AND credential = ?");
  const removeDocument = db.prepare("DELETE FROM documents WHERE id = ?");
  const removeSlice = db.prepare(`DELETE FROM documents WHERE id IN (${SLICE_OF_USER})`);
  const buryUser = db.prepare("UPDATE users SET name = ?, credential = '' WHERE id = ?");
  const forgetSessions = db.prepare("DELETE FROM sessions WHERE user_id = ?");
  const selectBuried = db.prepare("SELECT id FROM users WHERE name > ? AND name < ? LIMIT 1");
  const removeUser = db.prepare("DELETE FROM users WHERE id = ?");
  const selectTooLong = db.prepare(`SELECT document_id FROM overlong LIMIT ${DOCUMENTS_A_SLICE}`);
  const shorten = db.prepare(
    `WITH RECURSIVE chain (id, n) AS (
       SELECT previous, 1 FROM documents WHERE id = ?1
       UNION ALL SELECT h.previous, n + 1 FROM chain JOIN history h ON h.id = chain.id)
     DELETE FROM history WHERE document_id = ?1 AND id IN (SELECT id FROM chain WHERE n > ${kept})`,
  );
  const isShort = db.prepare("DELETE FROM overlong WHERE document_id = ?");

  /** Whether there may be more. */
  function shortenSlice(): boolean {
    const rows = selectTooLong.all();
    for (const { document_id } of rows) {
      shorten.run(Number(document_id));
      isShort.run(Number(document_id));
    }
    return rows.length === DOCUMENTS_A_SLICE;
  }

  function buried(): SqlRow | undefined {
    return selectBuried.get(BURIED, `${BURIED}\u{10ffff}`);
  }

  /** Whether there may be more. */
  function purgeSlice(): boolean {
    const userId = Number(buried()?.["id"] ?? 0);
    if (userId === 0) return false;
    deleteSliceChains.run(userId);
    if (removeSlice.run(userId).changes === 0) removeUser.run(userId);
    return true;
  }

  /** Most of the time there is nothing to do, and nothing is written for it. */
  async function tidy(isWanted: () => boolean, slice: () => boolean): Promise<void> {
    if (!db.read(isWanted)) return;
    for (let slices = 0; slices < SLICES_A_TICK; slices++) {
      if (!(await db.write(slice))) return;
    }
  }

  async function tidyAll(): Promise<void> {
    await tidy(() => selectTooLong.get() !== undefined, shortenSlice);
    await tidy(() => buried() !== undefined, purgeSlice);
  }

  let isTidying = false;
  const timer = setInterval(() => {
    if (isTidying) return;
    isTidying = true;
    // A failing disk is reported by the requests that need it.
    tidyAll()
      .catch(() => undefined)
      .finally(() => (isTidying = false));
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
      const userId = Number(row["id"]);
      buryUser.run(`${BURIED}${userId}:${randomUUID()}`, userId);
      forgetSessions.run(userId);
      return true;
    },
    stop: () => clearInterval(timer),
  };
}
