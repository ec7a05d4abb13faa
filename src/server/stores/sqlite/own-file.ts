import { chmodSync, chownSync, closeSync, existsSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import process from "node:process";

const PRIVATE = 0o600;

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** What root makes belongs to whoever owns the folder it is in: the service, which could not write it otherwise. */
function giveToOwnerOfFolder(path: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(dirname(path));
  chownSync(path, uid, gid);
}

/** Makes a folder, private to its owner, and those above it. Node's own way, with `recursive`, never returns below /proc. */
export function makeFolder(folder: string): void {
  if (isFolder(folder)) return;
  const parent = dirname(folder);
  if (parent !== folder) makeFolder(parent);
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    // Another process may have made it meanwhile.
    if (!isFolder(folder)) throw error;
    return;
  }
  giveToOwnerOfFolder(folder);
}

/** Makes a file that only its owner can read, or makes one that is there so. Whose it is, if it is another's, he decides. */
function makePrivate(path: string): void {
  const { mode, uid } = statSync(path);
  const me = process.getuid?.();
  if ((mode & 0o777) !== PRIVATE && (me === 0 || me === uid)) chmodSync(path, PRIVATE);
}

/** Sees to it that a database and what belongs to it are private: before it is opened, as SQLite gives its own mode on. */
export function makeDatabasePrivate(path: string): void {
  try {
    closeSync(openSync(path, "wx", PRIVATE));
    giveToOwnerOfFolder(path);
  } catch (error) {
    if (!existsSync(path)) throw error;
  }
  for (const file of [path, `${path}-wal`, `${path}-shm`]) if (existsSync(file)) makePrivate(file);
}
