/** Listing a user's documents: no part of the protocol, but some servers can, each in a way of its own. */
import * as z from "zod";
import { Document } from "../../model/progress.ts";
import type { DocumentMetadata, ListedDocument } from "../../model/progress.ts";
import { isGood, jsonOf, readRecord } from "./answers.ts";
import type { Transport } from "./transport.ts";

interface Dialect {
  /** Below the base URL. */
  path(username: string): string;
  /** The entries of an answer; null when the answer is not of this dialect. */
  entries(json: unknown): unknown[] | null;
  /** From this many entries on the list may have been cut off. */
  readonly most: number;
  /** Where the list goes on, below the base URL; null at its end. Only for servers that give it in pages. */
  next?(json: unknown): string | null;
}

const inside = (key: "documents" | "items", json: unknown): unknown[] | null => {
  const { data } = z.object({ [key]: z.array(z.unknown()) }).safeParse(json);
  return data?.[key] ?? null;
};

/** Our own server's, see docs/server-api.md. */
export const OWN_DOCUMENTS = "/koreader-progress/v1/documents";
const OWN_PATH = `${OWN_DOCUMENTS}?limit=1000`;

const OwnEntry = z.object({ metadata: z.record(z.string(), z.unknown()).optional() }).loose();

/** In the order in which they are asked for. */
const DIALECTS: readonly Dialect[] = [
  {
    path: () => OWN_PATH,
    entries: (json) =>
      inside("documents", json)?.map((entry) => {
        const { metadata, ...record } = OwnEntry.safeParse(entry).data ?? {};
        return Object.assign(record, metadata);
      }) ?? null,
    most: Infinity,
    next(json) {
      const { data } = z.object({ next: z.string() }).safeParse(json);
      return data === undefined ? null : `${OWN_PATH}&after=${encodeURIComponent(data.next)}`;
    },
  },
  // koreader-sync on Cloudflare Workers (Hono), and BookHive.
  { path: () => "/syncs/documents", entries: (json) => inside("documents", json), most: Infinity },
  // kosync-dotnet and what follows it; a user may ask for the own documents.
  {
    path: (username) => `/manage/users/documents?username=${encodeURIComponent(username)}`,
    // An empty array is what many things are answered with: then the server is asked document by document.
    entries: (json) => (Array.isArray(json) && json.length > 0 ? json : null),
    most: Infinity,
  },
  // crosspoint-sync: newest first, and never more than 500.
  { path: () => "/api/v1/progress?limit=500", entries: (json) => inside("items", json), most: 500 },
];

const Words = z.string().nullish().catch(null);

const Entry = z
  .object({
    document: z.string().optional(),
    documentHash: z.string().optional(),
    document_hash: z.string().optional(),
    deviceId: Words,
    filename: Words,
    title: Words,
    authors: Words,
    author: Words,
  })
  .loose();

function readMetadata({ filename, title, authors, author }: z.infer<typeof Entry>): DocumentMetadata | null {
  const metadata = { filename: filename ?? null, title: title ?? null, authors: authors ?? author ?? null };
  return Object.values(metadata).every((value) => value === null) ? null : metadata;
}

/** One entry in our shape; null when it is no record. */
function readEntry(json: unknown): ListedDocument | null {
  const { data: entry } = Entry.safeParse(json);
  if (entry === undefined) return null;
  const { data: document } = Document.safeParse(entry.document ?? entry.documentHash ?? entry.document_hash);
  if (document === undefined) return null;
  const read = readRecord(document, { device_id: entry.deviceId, ...entry, document });
  return read.status === "record" ? { progress: read.progress, metadata: readMetadata(entry) } : null;
}

/** One answer's part of a list. */
interface Listing {
  readonly documents: ListedDocument[];
  readonly complete: boolean;
  /** Where the list goes on, below the base URL; null at its end. */
  readonly next: string | null;
}

/** The documents of an answer; null when it is something else, or holds entries of which none is a record. */
function readListing(dialect: Dialect, json: unknown): Listing | null {
  const entries = dialect.entries(json);
  if (entries === null) return null;
  const documents = entries.map(readEntry).filter((entry) => entry !== null);
  if (entries.length > 0 && documents.length === 0) return null;
  return { documents, complete: entries.length < dialect.most, next: dialect.next?.(json) ?? null };
}

type List = { documents: ListedDocument[]; complete: boolean };

/** No reader has so many: a list that goes on for longer is left where it stands. */
const MOST_LISTED = 500_000;

/** All of a user's documents, or null where the server cannot list. Throws what the transport throws: a list that hangs. */
export async function listDocuments(
  transport: Transport,
  username: string,
  signal?: AbortSignal,
): Promise<List | null> {
  for (const dialect of DIALECTS) {
    const list = await listIn(dialect, transport, username, signal);
    if (list !== null) return list;
  }
  return null;
}

/** The list as one kind of server gives it, page by page; null when the server is of another kind. */
async function listIn(
  dialect: Dialect,
  transport: Transport,
  username: string,
  signal?: AbortSignal,
): Promise<List | null> {
  const documents: ListedDocument[] = [];
  const names = new Set<string>();
  let path: string | null = dialect.path(username);
  let complete = true;
  while (path !== null) {
    const answer = await transport.ask({ method: "GET", path, login: true, once: true }, signal);
    const listing = isGood(answer) ? readListing(dialect, jsonOf(answer)) : null;
    // A list that breaks off in the middle is still worth what it says.
    if (listing === null) return documents.length === 0 ? null : { documents, complete: false };
    const known = names.size;
    for (const listed of listing.documents) {
      documents.push(listed);
      names.add(listed.progress.document);
    }
    complete &&= listing.complete;
    path = listing.documents.length === 0 ? null : listing.next;
    // A page that brings nothing new would lead to itself for ever.
    if (path !== null && (names.size === known || names.size >= MOST_LISTED)) return { documents, complete: false };
  }
  return { documents, complete };
}
