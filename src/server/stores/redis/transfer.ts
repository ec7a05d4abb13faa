import type { RedisLink } from "./link.ts";
import { formatEntry, formatFields, readEntry, readFields } from "./records.ts";
import { PUT_DOCUMENT } from "./scripts.ts";
import type { ExportLine, Store } from "../store.ts";

/** Keys with this beginning, a page at a time; Redis may name a key twice. */
export async function* scanKeys(link: RedisLink, prefix: string): AsyncGenerator<string[]> {
  const pattern = `${prefix.replaceAll(/[*?[\]^\\-]/g, String.raw`\$&`)}*`;
  let cursor = "0";
  do {
    const from = cursor;
    const page = await link.ask((client) => client.scan(from, { MATCH: pattern, COUNT: 1000 }));
    yield page.keys;
    cursor = page.cursor;
  } while (cursor !== "0");
}

/** `user:NAME:document:ID` and `user:NAME:alias:VALUE`: neither name, id nor value holds a colon. */
function parseKey(key: string): { username: string; kind: string; name: string } | null {
  const match = /^user:([^:]+):(document|alias):([^:]+)$/s.exec(key);
  return match === null ? null : { username: match[1] ?? "", kind: match[2] ?? "", name: match[3] ?? "" };
}

/** The export and import of the Redis store; the export reads a database that only the reference server wrote as well. */
export function createRedisTransfer(
  link: RedisLink,
  usernames: () => AsyncIterable<string>,
): Pick<Store, "exportLines" | "importLines"> {
  async function exportDocument(username: string, document: string): Promise<ExportLine | null> {
    const prefix = `user:${username}:`;
    const [fields, earlier] = await Promise.all([
      link.ask((client) => client.hGetAll(`${prefix}document:${document}`)),
      link.ask((client) => client.lRange(`${prefix}history:${document}`, 0, -1)),
    ]);
    const record = readFields(document, fields);
    return record === null ? null : { kind: "document", username, record, history: earlier.map(readEntry) };
  }

  async function exportAlias(username: string, value: string): Promise<ExportLine | null> {
    const alias = await link.ask((client) => client.get(`user:${username}:alias:${value}`));
    const match = /^([^:]*):(.+)$/s.exec(alias ?? "");
    if (match === null) return null;
    return { kind: "alias", username, type: match[1] ?? "", value, document: match[2] ?? "" };
  }

  async function* exportLines(): AsyncGenerator<ExportLine> {
    const known = new Set<string>();
    for await (const username of usernames()) {
      const credential = await link.ask((client) => client.get(`user:${username}:key`));
      if (credential === null) continue;
      known.add(username);
      yield { kind: "user", username, credential };
    }
    // Aliases last: where they are read again their documents must be there.
    for (const kind of ["document", "alias"]) {
      for await (const keys of scanKeys(link, "user:")) {
        const parsed = keys.map(parseKey).filter((key) => key !== null);
        const wanted = parsed.filter((key) => key.kind === kind && known.has(key.username));
        const read = kind === "document" ? exportDocument : exportAlias;
        const lines = await Promise.all(wanted.map(({ username, name }) => read(username, name)));
        yield* lines.filter((line) => line !== null);
      }
    }
  }

  async function importLine(line: ExportLine): Promise<void> {
    const prefix = `user:${line.username}:`;
    if (line.kind === "user") {
      await link.ask((client) => client.set(`${prefix}key`, line.credential));
      return;
    }
    if (line.kind === "alias") {
      await link.ask((client) => client.set(`${prefix}alias:${line.value}`, `${line.type}:${line.document}`));
      return;
    }
    const { record, history } = line;
    const head = [prefix, record.document, String(record.timestamp), String(history.length)];
    await link.run(PUT_DOCUMENT, [...head, ...history.map(formatEntry), ...formatFields(record)]);
  }

  return {
    exportLines,
    async importLines(lines) {
      await Promise.all(lines.map(importLine));
    },
  };
}
