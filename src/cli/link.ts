/** `koreader-progress link`: a digest is this book's from now on. */
import { decideAboutDigest } from "./link-digest.ts";

export const summary = "link --library DIR --id N DIGEST    a digest is this book's from now on";

export const help = `
  --wait    wait for another calibre program to end
`;

/** 0 when it is remembered, 2 when nothing could be done. */
export function run(args: string[]): Promise<number> {
  return decideAboutDigest("link", args, (calibre, { book_id, digest }) => calibre.link(book_id, digest));
}
