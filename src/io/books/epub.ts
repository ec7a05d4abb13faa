import { open, stat } from "node:fs/promises";
import type { Entry, ZipFile } from "yauzl";
import { brokenName, entryName } from "../../core/position/archive-name.ts";
import type { BookArchive } from "../../app/ports.ts";
import { SyncError } from "../../model/error.ts";
import { decodeText } from "./decode-text.ts";

/** Nothing that is read for its text is larger than this: 100 MB unpacked. */
export const LARGEST_ENTRY = 100 * 1024 * 1024;
/** What one book may unpack to in all. */
export const LARGEST_BOOK = 1024 * 1024 * 1024;
const MOST_ENTRIES = 100_000;
const SLASH = 0x2f;
/** The flag of an entry whose name says that it is UTF-8. */
const UTF8_NAME = 0x800;
/** Beyond 1 MB, text does not shrink to less than a two-hundredth: what does is a bomb. */
const STEEPEST = 200;

function unreadable(path: string, reason: string): SyncError {
  return new SyncError("BookUnreadable", { path, reason });
}

function reasonOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "not_a_zip";
}

async function isZip(path: string): Promise<boolean> {
  const file = await open(path, "r");
  try {
    const head = new Uint8Array(4);
    await file.read(head, 0, 4, 0);
    return head[0] === 0x50 && head[1] === 0x4b && head[2] === 3 && head[3] === 4;
  } finally {
    await file.close();
  }
}

/** A file that is no archive, as an archive of one entry without a name. */
function singleFile(path: string, size: number): BookArchive {
  return {
    path,
    names: () => [""],
    has: (name) => name === "",
    size: () => size,
    crc32: () => null,
    async read() {
      if (size > LARGEST_ENTRY) throw unreadable(path, "entry_too_large");
      const file = await open(path, "r");
      try {
        return decodeText(await file.readFile());
      } finally {
        await file.close();
      }
    },
    close: async () => {},
  };
}

async function readDirectory(path: string, zip: ZipFile): Promise<Map<string, Entry>> {
  if (zip.entryCount > MOST_ENTRIES) throw unreadable(path, "too_many_entries");
  const entries = new Map<string, Entry>();
  const broken = new Map<string, Entry>();
  for await (const entry of zip.eachEntry()) {
    const raw = entry.fileNameRaw;
    if (raw.at(-1) === SLASH) continue;
    entries.set(entryName(raw, (entry.generalPurposeBitFlag & UTF8_NAME) !== 0), entry);
    const alias = brokenName(raw);
    if (alias !== null) broken.set(alias, entry);
  }
  for (const [alias, entry] of broken) if (!entries.has(alias)) entries.set(alias, entry);
  return entries;
}

/**
 * Opens a book file for reading single entries; nothing is unpacked before it is asked for. What is no zip is one
 * entry without a name. Rejects with `SyncError("BookUnreadable", { path, reason })`: the system's code, `not_a_zip`,
 * `too_many_entries`; reading with `no_entry`, `encrypted`, `entry_too_large`, `book_too_large`, `zip_bomb`, `damaged`.
 */
export async function openBookArchive(path: string): Promise<BookArchive> {
  let zip: ZipFile;
  let entries: Map<string, Entry>;
  try {
    const { size } = await stat(path);
    if (!(await isZip(path))) return singleFile(path, size);
    const { openPromise } = await import("./yauzl.ts");
    // Names are read by the rule of ours: one that yauzl refuses would cost the whole book.
    zip = await openPromise(path, { lazyEntries: true, autoClose: false, decodeStrings: false });
  } catch (error) {
    throw unreadable(path, reasonOf(error));
  }
  try {
    entries = await readDirectory(path, zip);
  } catch (error) {
    zip.close();
    throw error instanceof SyncError ? error : unreadable(path, reasonOf(error));
  }
  let unpacked = 0;

  async function readBytes(name: string): Promise<Uint8Array> {
    const entry = entries.get(name);
    if (entry === undefined) throw unreadable(path, "no_entry");
    const { uncompressedSize: size, compressedSize: packed } = entry;
    if (entry.isEncrypted()) throw unreadable(path, "encrypted");
    if (size > LARGEST_ENTRY) throw unreadable(path, "entry_too_large");
    if (size > 1024 * 1024 && size > packed * STEEPEST) throw unreadable(path, "zip_bomb");
    if (unpacked + size > LARGEST_BOOK) throw unreadable(path, "book_too_large");
    unpacked += size;
    const chunks: Uint8Array[] = [];
    try {
      // yauzl ends the stream with an error as soon as more bytes come than the directory promised.
      for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk);
    } catch {
      throw unreadable(path, "damaged");
    }
    return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
  }

  return {
    path,
    names: () => entries.keys(),
    has: (name) => entries.has(name),
    size: (name) => entries.get(name)?.uncompressedSize ?? 0,
    crc32: (name) => entries.get(name)?.crc32 ?? null,
    read: async (name) => decodeText(await readBytes(name)),
    close: async () => zip.close(),
  };
}
