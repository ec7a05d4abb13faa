/** A folder of Markdown files on this machine. */
import { mkdir, open, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import process from "node:process";
import type { NotesFolder } from "../../app/ports.ts";
import { bookOfNotes } from "../../core/highlights/note-file.ts";
import { type KnownBook, NOTES_SCHEMA, NotesMemory } from "../../model/annotation.ts";

/** What is remembered beside the notes. */
const MEMORY = ".koreader-progress.json";

/** Bytes in which a file's properties stand. */
const HEAD = 16_384;
/** A folder of notes is not so deep, nor has so many files. */
const DEEPEST = 20;
const MOST = 100_000;
const MOST_NAMES = 1000;

/** What is remembered of the notes cannot be used: it is damaged, or a newer version's. */
export class NotesRefused extends Error {
  readonly path: string;
  readonly reason: "damaged" | "newer";

  constructor(path: string, reason: "damaged" | "newer") {
    super(`${path}: ${reason}`);
    this.name = "NotesRefused";
    this.path = path;
    this.reason = reason;
  }
}

async function replace(path: string, text: string): Promise<void> {
  const unfinished = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(unfinished, text);
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}

/** The notes below a folder, which is made where it is missing. */
export async function openNotesFolder(folder: string): Promise<NotesFolder> {
  await mkdir(folder, { recursive: true });
  const memory = join(folder, MEMORY);

  return {
    async find() {
      const found = new Map<string, string>();
      for await (const path of markdownBelow(folder)) {
        const uuid = bookOfNotes(await beginningOf(path));
        if (uuid !== null && !found.has(uuid)) found.set(uuid, relative(folder, path));
      }
      return found;
    },
    read: (path) => readFile(join(folder, path), "utf8"),
    write: (path, text) => replace(join(folder, path), text),
    async make(name, text) {
      for (let number = 1; number <= MOST_NAMES; number += 1) {
        const path = `${name}${number === 1 ? "" : ` (${number})`}.md`;
        try {
          await writeFile(join(folder, path), text, { flag: "wx" });
          return path;
        } catch (error) {
          if (!isCode(error, "EEXIST")) throw error;
        }
      }
      throw new Error(`a thousand files are called ${name}`);
    },
    async recall() {
      let text: string;
      try {
        text = await readFile(memory, "utf8");
      } catch (error) {
        if (isCode(error, "ENOENT")) return new Map();
        throw error;
      }
      return new Map(Object.entries(parsed(text, memory)));
    },
    remember: (books) =>
      replace(memory, `${JSON.stringify({ schema: NOTES_SCHEMA, books: Object.fromEntries(books) })}\n`),
  };
}

/** What was remembered. Without it quotes would be lost from the notes: a file that cannot be understood stops everything. */
function parsed(text: string, path: string): Record<string, KnownBook> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = null;
  }
  const { data } = NotesMemory.safeParse(json);
  if (data !== undefined && "books" in data) return data.books;
  throw new NotesRefused(path, data === undefined ? "damaged" : "newer");
}

async function* markdownBelow(folder: string, depth = 0, count = { files: 0 }): AsyncGenerator<string> {
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries.toSorted((one, other) => (one.name < other.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.name.startsWith(".")) continue;
    if (entry.isDirectory() && depth < DEEPEST) yield* markdownBelow(path, depth + 1, count);
    else if (entry.isFile() && /\.md$/i.test(entry.name) && count.files < MOST) {
      count.files += 1;
      yield path;
    }
  }
}

async function beginningOf(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD), 0, HEAD, 0);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
