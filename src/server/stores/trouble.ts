/** What an owner can do something about: room on the disk, or a database whose file is broken. */
export type Trouble = "DiskFull" | "Damaged";

const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_NOTADB = 26;

function fieldOf(error: object, name: string): unknown {
  return Reflect.get(error, name);
}

function troubleOfOne(error: object): Trouble | null {
  const errcode = fieldOf(error, "errcode");
  // The low byte is the kind; the rest says where it was met.
  const kind = typeof errcode === "number" ? errcode & 0xff : null;
  if (kind === SQLITE_FULL || fieldOf(error, "code") === "ENOSPC") return "DiskFull";
  if (kind === SQLITE_CORRUPT || kind === SQLITE_NOTADB) return "Damaged";
  // Redis names its trouble in the first word: no memory for more, or no disk to save it to.
  const message = String(fieldOf(error, "message"));
  return message.startsWith("OOM ") || message.startsWith("MISCONF ") ? "DiskFull" : null;
}

/** The trouble behind an error of a store, or behind what caused that; null for any other failure. */
export function troubleOf(error: unknown): Trouble | null {
  for (let at = error; typeof at === "object" && at !== null; at = fieldOf(at, "cause")) {
    const trouble = troubleOfOne(at);
    if (trouble !== null) return trouble;
  }
  return null;
}
