import { randomBytes } from "node:crypto";
import { mergeRecord, resolveNames, toHistoryEntry } from "../merge-record.ts";
import { HISTORY_LENGTH } from "../store.ts";
import type {
  ExportLine,
  HistoryEntry,
  ListQuery,
  ProgressWrite,
  Store,
  StoredRecord,
  WriteOutcome,
} from "../store.ts";

interface Shelf {
  record: StoredRecord;
  /** Newest first, without the current record. */
  history: HistoryEntry[];
}

interface AliasTarget {
  readonly type: string;
  readonly document: string;
}

interface Member {
  credential: string;
  readonly shelves: Map<string, Shelf>;
  readonly aliases: Map<string, AliasTarget>;
}

function put(member: Member, document: string, write: ProgressWrite): void {
  const shelf = member.shelves.get(document);
  if (shelf === undefined) {
    member.shelves.set(document, { record: { ...write, document }, history: [] });
    return;
  }
  shelf.history = [toHistoryEntry(shelf.record), ...shelf.history].slice(0, HISTORY_LENGTH - 1);
  shelf.record = mergeRecord(shelf.record, write);
}

/** Writes under the document the identifiers lead to, and makes the weaker ones its aliases. */
function putIdentified(
  member: Member,
  write: ProgressWrite,
  list: NonNullable<ProgressWrite["identifiers"]>,
): WriteOutcome {
  const isDocument = (name: string): boolean => member.shelves.has(name);
  const resolved = resolveNames(
    list.map(({ value }) => value),
    isDocument,
    (name) => member.aliases.get(name)?.document ?? null,
  );
  const document = resolved?.document ?? write.document;
  put(member, document, write);
  for (const { type, value } of resolved === null ? list : list.slice(resolved.match + 1)) {
    const target = member.aliases.get(value);
    const isTaken = isDocument(value) || (target !== undefined && isDocument(target.document));
    if (!isTaken) member.aliases.set(value, { type, document });
  }
  const match = resolved === null ? list.find(({ value }) => value === write.document) : list[resolved.match];
  return { status: "written", document, match: match?.type ?? null };
}

/** A store that forgets everything when the server ends: for tests and demonstrations. */
export function createMemoryStore(): Store {
  const members = new Map<string, Member>();
  const secret = randomBytes(32).toString("hex");

  return {
    kind: "memory",
    keepsKeysVerbatim: false,
    async createUser(username, credential) {
      if (members.has(username)) return false;
      members.set(username, { credential, shelves: new Map(), aliases: new Map() });
      return true;
    },
    async credentialOf(username) {
      return members.get(username)?.credential ?? null;
    },
    async replaceCredential(username, current, next) {
      const member = members.get(username);
      if (member?.credential !== current) return false;
      member.credential = next;
      return true;
    },
    async deleteUser(username, current) {
      if ((members.get(username)?.credential ?? null) !== current) return false;
      members.delete(username);
      return true;
    },
    async find(username, names, followAliases) {
      const member = members.get(username);
      if (member === undefined) return { credential: null, found: null };
      const resolved = resolveNames(
        names,
        (name) => member.shelves.has(name),
        (name) => (followAliases ? (member.aliases.get(name)?.document ?? null) : null),
      );
      const record = resolved === null ? undefined : member.shelves.get(resolved.document)?.record;
      const found = resolved === null || record === undefined ? null : { record, match: resolved.match };
      return { credential: member.credential, found };
    },
    async write(username, credential, write) {
      const member = members.get(username);
      if (member?.credential !== credential) return { status: "unauthorized" };
      if (write.identifiers !== null) return putIdentified(member, write, write.identifiers);
      put(member, write.document, write);
      return { status: "written", document: write.document, match: null };
    },
    async list(username, { since, after, limit }: ListQuery) {
      const records = [...(members.get(username)?.shelves.values() ?? [])].map(({ record }) => record);
      return records
        .filter(({ timestamp, document }) => timestamp >= since && (after === null || document > after))
        .sort((a, b) => (a.document < b.document ? -1 : 1))
        .slice(0, limit);
    },
    async history(username, document) {
      const shelf = members.get(username)?.shelves.get(document);
      return shelf === undefined ? [] : [toHistoryEntry(shelf.record), ...shelf.history];
    },
    async deleteDocument(username, document) {
      const member = members.get(username);
      if (member === undefined || !member.shelves.delete(document)) return false;
      for (const [value, target] of member.aliases) {
        if (target.document === document) member.aliases.delete(value);
      }
      return true;
    },
    async *usernames() {
      yield* members.keys();
    },
    async *exportLines() {
      for (const [username, { credential, shelves, aliases }] of members) {
        yield { kind: "user", username, credential };
        for (const { record, history } of shelves.values()) yield { kind: "document", username, record, history };
        for (const [value, { type, document }] of aliases) yield { kind: "alias", username, type, value, document };
      }
    },
    async importLines(lines: readonly ExportLine[]) {
      for (const line of lines) {
        const member = members.get(line.username);
        if (line.kind === "user") {
          if (member === undefined) {
            members.set(line.username, { credential: line.credential, shelves: new Map(), aliases: new Map() });
          } else {
            member.credential = line.credential;
          }
        } else if (member === undefined) {
          throw new Error("An imported line names an account that is not there.");
        } else if (line.kind === "document") {
          member.shelves.set(line.record.document, { record: line.record, history: [...line.history] });
        } else {
          member.aliases.set(line.value, { type: line.type, document: line.document });
        }
      }
    },
    secret: () => Promise.resolve(secret),
    check: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}
