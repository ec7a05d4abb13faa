import { mayClaim, mergeRecord, resolveNames, toHistoryEntry, toRecord } from "../merge-record.ts";
import { sizeOfPosition, sizeOfRecord } from "../quota.ts";
import type { Quota } from "../quota.ts";
import { HISTORY_LENGTH } from "../store.ts";
import type { HistoryEntry, ProgressWrite, StoredRecord, WriteOutcome } from "../store.ts";

/** A document with its past. */
export interface Shelf {
  record: StoredRecord;
  /** Newest first, without the current record. */
  history: HistoryEntry[];
}

interface AliasTarget {
  readonly type: string;
  readonly document: string;
}

/** An account with all that is its own. */
export interface Member {
  credential: string;
  readonly shelves: Map<string, Shelf>;
  readonly aliases: Map<string, AliasTarget>;
  /** When each sign-in ends, in epoch seconds; the oldest first. */
  readonly sessions: Map<string, number>;
  bytes: number;
  changes: number;
}

/** An account that has just been made. */
export function newMember(credential: string): Member {
  return { credential, shelves: new Map(), aliases: new Map(), sessions: new Map(), bytes: 0, changes: 0 };
}

function sizeOf({ record, history }: Shelf): number {
  return history.reduce((sum, entry) => sum + sizeOfPosition(entry), sizeOfRecord(record));
}

/** Puts a shelf in its place, or takes it away; what the account fills is counted. */
export function place(member: Member, document: string, shelf: Shelf | null): void {
  const before = member.shelves.get(document);
  member.bytes += (shelf === null ? 0 : sizeOf(shelf)) - (before === undefined ? 0 : sizeOf(before));
  member.changes += 1;
  if (shelf === null) member.shelves.delete(document);
  else member.shelves.set(document, shelf);
}

/** Writes under the very document; false when the account may keep no document more. */
export function put(member: Member, document: string, write: ProgressWrite, quota: Quota): boolean {
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
export function putIdentified(
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
