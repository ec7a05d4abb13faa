/** `koreader-progress link`: a digest is this book's from now on. */
import { decideAboutDigest } from "./link-digest.ts";

export const summary = "link --library DIR --id N DIGEST    a digest is this book's from now on";

export const help = `
  --library DIR            calibre's library; calibre itself must not be running
  --id N                   calibre's number of the book
  --wait                   wait for another calibre program to end

DIGEST has 32 hexadecimal digits, as "digest FILE" prints them and the server knows them.

Example:
  koreader-progress link --library "$HOME/Calibre Library" --id 42 0123456789abcdef0123456789abcdef
`;

/** 0 when it is remembered, 2 when nothing could be done. */
export function run(args: string[]): Promise<number> {
  return decideAboutDigest("link", args, (calibre, { book_id, digest }) => calibre.link(book_id, digest));
}
