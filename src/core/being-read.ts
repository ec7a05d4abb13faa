/** Which books are being read, as far as the library tells: judged as planning judges. */
import type { Book } from "../model/plan.ts";
import type { Profile } from "../model/profile.ts";
import { localSide, withOwnBase } from "./local-side.ts";
import { statusOf } from "./status.ts";

/**
 * Whether a book is being read: by the reader's word for it, else by how far it has come, unless the reader's word says
 * that it is finished.
 */
export function isBeingRead(book: Book, profile: Profile): boolean {
  // When a cell was changed does not matter here.
  const { status, share } = localSide(withOwnBase(book, profile), profile, 0);
  const word = profile.columns.find(({ field }) => field === "status");
  // "No" in a yes/no column is what calibre shows for most books that nobody ever marked.
  if (status === "reading" && word?.datatype !== "bool") return true;
  return status !== "finished" && share !== null && statusOf(share, profile.rules) === "reading";
}
