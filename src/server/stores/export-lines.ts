import * as z from "zod";
import type { Credentials } from "../credentials.ts";
import type { ExportLine, Store } from "./store.ts";

const LINES_A_BATCH = 500;
/** The schema of an export: its first line bears it. */
const VERSION = 1;

const Entry = z.object({
  percentage: z.number(),
  progress: z.string(),
  device: z.string(),
  device_id: z.string().nullable().default(null),
  timestamp: z.number().int(),
});

/** The first line of an export of whatever version. */
const Header = z.object({ kind: z.literal("koreader-progress"), version: z.number() });

const Line = z.discriminatedUnion("kind", [
  /** The first line of every export. */
  z.object({ kind: z.literal("koreader-progress"), version: z.literal(VERSION) }),
  z.object({ kind: z.literal("user"), username: z.string().min(1), credential: z.string().min(1) }),
  z.object({
    kind: z.literal("document"),
    username: z.string().min(1),
    record: Entry.extend({
      document: z.string().min(1),
      metadata: z
        .object({
          filename: z.string().exactOptional(),
          title: z.string().exactOptional(),
          authors: z.string().exactOptional(),
        })
        .nullable()
        .default(null),
      identifiers: z
        .array(z.object({ type: z.string(), value: z.string() }))
        .nullable()
        .default(null),
    }),
    history: z.array(Entry).default([]),
  }),
  z.object({
    kind: z.literal("alias"),
    username: z.string().min(1),
    type: z.string().min(1),
    value: z.string().min(1),
    document: z.string().min(1),
  }),
]);

/** How much was moved. */
export interface TransferCount {
  users: number;
  documents: number;
}

/** A line that is none of ours, with its number; nothing after it was read. */
export class BrokenLine extends Error {
  readonly line: number;

  constructor(line: number) {
    super(`Line ${line} is not a line of an export.`);
    this.line = line;
  }
}

/** An export that a newer version wrote; nothing of it was read. */
export class NewerExport extends Error {
  readonly line = 1;

  constructor() {
    super("It was written by a newer version of KOReader Progress: update this one first.");
  }
}

/** Lines of a store as JSON lines, each with its line end. Credentials are in it: as private as the store itself. */
export async function* formatExport(lines: AsyncIterable<ExportLine>): AsyncGenerator<string> {
  yield `${JSON.stringify({ kind: "koreader-progress", version: VERSION })}\n`;
  for await (const line of lines) yield `${JSON.stringify(line)}\n`;
}

/** The counterpart of `formatExport`; throws BrokenLine or NewerExport. */
export async function* parseExport(lines: AsyncIterable<string>): AsyncGenerator<ExportLine> {
  let number = 0;
  for await (const text of lines) {
    number += 1;
    if (text.trim() === "") continue;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw new BrokenLine(number);
    }
    const parsed = Line.safeParse(value);
    if (!parsed.success) throw isOfNewerVersion(value) ? new NewerExport() : new BrokenLine(number);
    if (parsed.data.kind !== "koreader-progress") yield parsed.data;
  }
}

function isOfNewerVersion(line: unknown): boolean {
  const parsed = Header.safeParse(line);
  return parsed.success && parsed.data.version > VERSION;
}

/**
 * Puts lines into a store; what is there under the same names is replaced. A key that comes as it is (from a reference
 * server) is hashed unless the store keeps keys verbatim; a hash goes in as it is, and only our own servers understand it.
 */
export async function importExport(
  store: Store,
  credentials: Credentials,
  lines: AsyncIterable<ExportLine>,
): Promise<TransferCount> {
  const count = { users: 0, documents: 0 };
  let batch: ExportLine[] = [];
  for await (const line of lines) {
    if (line.kind === "user") count.users += 1;
    if (line.kind === "document") count.documents += 1;
    const isPlain = line.kind === "user" && !credentials.isStoredForm(line.credential);
    batch.push(isPlain ? { ...line, credential: await credentials.make(line.credential) } : line);
    if (batch.length < LINES_A_BATCH) continue;
    await store.importLines(batch);
    batch = [];
  }
  await store.importLines(batch);
  return count;
}
