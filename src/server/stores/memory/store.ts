import { randomBytes } from "node:crypto";
import { mayClaim, mergeRecord, resolveNames, toHistoryEntry, toRecord } from "../merge-record.ts";
import { DEFAULT_QUOTA, sizeOfPosition, sizeOfRecord } from "../quota.ts";
import type { Quota } from "../quota.ts";
import { HISTORY_LENGTH, MAX_SESSIONS } from "../store.ts";
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
  /** When each sign-in ends, in epoch seconds; the oldest first. */
  readonly sessions: Map<string, number>;
  bytes: number;
  changes: number;
}

/** So many records are told at once. */
const RECORDS_A_SLICE = 500;

function newMember(credential: string): Member {
  return { credential, shelves: new Map(), aliases: new Map(), sessions: new Map(), bytes: 0, changes: 0 };
}

function sizeOf({ record, history }: Shelf): number {
  return history.reduce((sum, entry) => sum + sizeOfPosition(entry), sizeOfRecord(record));
}

/** Puts a shelf in its place, or takes it away; what the account fills is counted. */
function place(member: Member, document: string, shelf: Shelf | null): void {
  const before = member.shelves.get(document);
  member.bytes += (shelf === null ? 0 : sizeOf(shelf)) - (before === undefined ? 0 : sizeOf(before));
  member.changes += 1;
  if (shelf === null) member.shelves.delete(document);
  else member.shelves.set(document, shelf);
}

/** False when the account may keep no document more. */
function put(member: Member, document: string, write: ProgressWrite, quota: Quota): boolean {
  const shelf = member.shelves.get(document);
  const isFull = member.bytes >= quota.bytes;
  if (shelf === undefined) {
    if (isFull || member.shelves.size >= quota.documents) return false;
    place(member, document, { record: toRecord({ ...write, document }), history: [] });
    return true;
  }
  const { record, history } = shelf;
  // Where there is no room the new position takes the place of the one before.
  const remembered = isFull ? history : [toHistoryEntry(record), ...history].slice(0, HISTORY_LENGTH - 1);
  place(member, document, { record: mergeRecord(record, write), history: remembered });
  return true;
}

/** Writes under the document the identifiers lead to, and makes the weaker ones its aliases. */
function putIdentified(
  member: Member,
  write: ProgressWrite,
  list: NonNullable<ProgressWrite["identifiers"]>,
  quota: Quota,
): WriteOutcome {
  const isDocument = (name: string): boolean => member.shelves.has(name);
  const resolved = resolveNames(
    list.map(({ value }) => value),
    isDocument,
    (name) => member.aliases.get(name)?.document ?? null,
    (match) => mayClaim(list[match] ?? { type: "", value: "" }, write.document),
  );
  const document = resolved?.document ?? write.document;
  if (!put(member, document, write, quota)) return { status: "full" };
  for (const { type, value } of resolved === null ? list : list.slice(resolved.match + 1)) {
    const target = member.aliases.get(value);
    const isTaken = isDocument(value) || (target !== undefined && isDocument(target.document));
    if (!isTaken) member.aliases.set(value, { type, document });
  }
  const match = resolved === null ? list.find(({ value }) => value === write.document) : list[resolved.match];
  return { status: "written", document, match: match?.type ?? null };
}

/** A store that forgets everything when the server ends: for tests and demonstrations. */
export function createMemoryStore(quota: Quota = DEFAULT_QUOTA): Store {
  const members = new Map<string, Member>();
  const secret = randomBytes(32).toString("hex");

  return {
    kind: "memory",
    keepsKeysVerbatim: false,
    async createUser(username, credential) {
      if (members.has(username)) return false;
      members.set(username, newMember(credential));
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
      if (write.identifiers !== null) return putIdentified(member, write, write.identifiers, quota);
      if (!put(member, write.document, write, quota)) return { status: "full" };
      return { status: "written", document: write.document, match: null };
    },
    async *list(username, { since, after }: ListQuery) {
      const shelves = members.get(username)?.shelves ?? new Map<string, Shelf>();
      const names = [...shelves.keys()].filter((name) => after === null || name > after).toSorted();
      for (let from = 0; from < names.length; from += RECORDS_A_SLICE) {
        const records = names.slice(from, from + RECORDS_A_SLICE).map((name) => shelves.get(name)?.record);
        yield records
          .filter((record) => record !== undefined && record.timestamp >= since)
          .filter((r) => r !== undefined);
      }
    },
    async edition(username) {
      return String(members.get(username)?.changes ?? 0);
    },
    async history(username, document) {
      const shelf = members.get(username)?.shelves.get(document);
      return shelf === undefined ? [] : [toHistoryEntry(shelf.record), ...shelf.history];
    },
    async deleteDocument(username, document) {
      const member = members.get(username);
      if (member === undefined || !member.shelves.has(document)) return false;
      place(member, document, null);
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
            members.set(line.username, newMember(line.credential));
          } else {
            member.credential = line.credential;
          }
        } else if (member === undefined) {
          throw new Error("An imported line names an account that is not there.");
        } else if (line.kind === "document") {
          place(member, line.record.document, { record: line.record, history: [...line.history] });
        } else {
          member.aliases.set(line.value, { type: line.type, document: line.document });
        }
      }
    },
    async startSession(username, id, expires, now) {
      const sessions = members.get(username)?.sessions;
      if (sessions === undefined) return;
      sessions.set(id, expires);
      for (const [known, until] of sessions) if (until <= now || sessions.size > MAX_SESSIONS) sessions.delete(known);
    },
    async hasSession(username, id, now) {
      return (members.get(username)?.sessions.get(id) ?? 0) > now;
    },
    async endSession(username, id) {
      members.get(username)?.sessions.delete(id);
    },
    secret: () => Promise.resolve(secret),
    check: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}
