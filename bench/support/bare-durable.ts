// What durability alone costs: the bare PUT route with one sync of the disk for all that came meanwhile, and nothing else.
// `file` appends the bodies to a file; `sqlite` keeps each in a table of names and texts, the least a database can do.
import { fdatasync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import { fastify } from "fastify";

const [, , kind = "file", folder = "."] = process.argv;

interface Waiting {
  readonly document: string;
  readonly body: string;
  readonly tell: () => void;
}

/** Takes over what waits, up to the sync. */
function openKeeper(): { readonly file: number; readonly keep: (waiting: readonly Waiting[]) => void } {
  if (kind === "file") {
    const file = openSync(join(folder, "bodies"), "a");
    return { file, keep: (waiting) => writeSync(file, waiting.map(({ body }) => body).join("\n")) };
  }
  const path = join(folder, "bodies.sqlite");
  const db = new DatabaseSync(path);
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 16000");
  db.exec("CREATE TABLE IF NOT EXISTS bodies (document TEXT PRIMARY KEY, body TEXT) WITHOUT ROWID");
  const [begin, commit] = [db.prepare("BEGIN IMMEDIATE"), db.prepare("COMMIT")];
  const upsert = db.prepare("INSERT INTO bodies VALUES (?, ?) ON CONFLICT DO UPDATE SET body = excluded.body");
  return {
    file: openSync(`${path}-wal`, "r+"),
    keep(waiting) {
      begin.run();
      for (const { document, body } of waiting) upsert.run(document, body);
      commit.run();
    },
  };
}

const { file, keep } = openKeeper();
let queue: Waiting[] = [];
let isBusy = false;

function flush(): void {
  const waiting = queue;
  queue = [];
  keep(waiting);
  fdatasync(file, () => {
    for (const { tell } of waiting) tell();
    isBusy = queue.length > 0;
    if (isBusy) setImmediate(flush);
  });
}

const app = fastify({ logger: false });
app.put<{ Body: { document: string } }>("/syncs/progress", async ({ body }) => {
  await new Promise<void>((tell) => {
    queue.push({ document: body.document, body: JSON.stringify(body), tell });
    if (!isBusy) setImmediate(flush);
    isBusy = true;
  });
  return { document: body.document, timestamp: 1_700_000_000 };
});
await app.listen({ port: 0, host: "127.0.0.1" });
const address = app.server.address();
process.stdout.write(`http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}\n`);
process.once("SIGTERM", () => process.exit(0));
