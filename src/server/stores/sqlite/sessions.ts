import { toSqlText } from "../../../io/sqlite/database.ts";
import type { Database } from "../../../io/sqlite/database.ts";
import { MAX_SESSIONS } from "../store.ts";
import type { Store } from "../store.ts";

/** The sign-ins of the page, in the file: whoever serves it believes them. */
export function createSqliteSessions(db: Database): Pick<Store, "startSession" | "hasSession" | "endSession"> {
  const selectUser = db.prepare("SELECT id FROM users WHERE name = ?");
  const insert = db.prepare("INSERT OR REPLACE INTO sessions VALUES (?, ?, ?)");
  const forget = db.prepare(
    `DELETE FROM sessions WHERE user_id = ?1 AND (expires <= ?2 OR id NOT IN
       (SELECT id FROM sessions WHERE user_id = ?1 ORDER BY expires DESC LIMIT ${MAX_SESSIONS}))`,
  );
  const select = db.prepare(
    "SELECT 1 FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.name = ? AND s.id = ? AND s.expires > ?",
  );
  const remove = db.prepare("DELETE FROM sessions WHERE id = ? AND user_id = (SELECT id FROM users WHERE name = ?)");

  return {
    startSession: (username, id, expires, now) =>
      db.write(() => {
        const userId = selectUser.get(toSqlText(username))?.["id"];
        if (userId === undefined) return;
        insert.run(Number(userId), id, expires);
        forget.run(Number(userId), now);
      }),
    hasSession: async (username, id, now) => db.read(() => select.get(toSqlText(username), id, now)) !== undefined,
    endSession: (username, id) => db.write(() => void remove.run(id, toSqlText(username))),
  };
}
