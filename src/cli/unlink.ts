/** `koreader-progress unlink`: a digest is never taken for this book's again. */
import { decideAboutDigest } from "./link-digest.ts";

export const summary = "unlink --library DIR --id N DIGEST    a digest is never taken for this book's again";

/** 0 when it is remembered, 2 when nothing could be done. */
export function run(args: string[]): Promise<number> {
  return decideAboutDigest("unlink", args, (calibre, book_id, digest) => calibre.unlink(book_id, digest));
}
