/** calibre's desktop viewer as a reader runs it, without a screen: it opens a book, lays it out, and writes where it is. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import * as z from "zod";
import type { PrivateCalibre } from "../calibre_plugin/private-calibre.ts";

const LastRead = z.looseObject({
  type: z.literal("last-read"),
  pos: z.string(),
  pos_type: z.literal("epubcfi"),
  timestamp: z.string(),
});
export type LastRead = z.infer<typeof LastRead>;

/** Where the viewer keeps what belongs to a book. */
export function annotationsPath(calibre: PrivateCalibre, book: string): string {
  const key = createHash("sha256").update(book).digest("hex");
  return join(calibre.folder, "config", "viewer", "annots", `${key}.json`);
}

/** Everything the viewer keeps of a book; nothing while it is being written. */
export function annotations(calibre: PrivateCalibre, book: string): unknown[] {
  try {
    return z.array(z.unknown()).parse(JSON.parse(readFileSync(annotationsPath(calibre, book), "utf8")));
  } catch {
    return [];
  }
}

/** The place at which the viewer would open a book. */
export function lastRead(calibre: PrivateCalibre, book: string): LastRead | null {
  for (const entry of annotations(calibre, book)) {
    const found = LastRead.safeParse(entry);
    if (found.success) return found.data;
  }
  return null;
}

/**
 * Opens a book in the viewer, at `openAt` or where it was last read, and resolves with the place that the viewer itself
 * writes once the page is shown. Rejects with the viewer's own words when it writes none within a minute.
 */
export async function readInViewer(calibre: PrivateCalibre, book: string, openAt?: string): Promise<LastRead> {
  const before = lastRead(calibre, book)?.timestamp ?? null;
  const [command = "", ...rest] = calibre.alone("ebook-viewer");
  const args = [...rest, ...(openAt === undefined ? [] : [`--open-at=${openAt}`]), book];
  // A group of its own: the viewer does not end when asked to while it has no screen.
  const child = spawn(command, args, { env: calibre.env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stdout.on("data", (data: Buffer) => (said += data.toString()));
  child.stderr.on("data", (data: Buffer) => (said += data.toString()));
  const closed = new Promise((done) => child.on("close", done));
  try {
    for (const deadline = Date.now() + 60_000; Date.now() < deadline;) {
      const now = lastRead(calibre, book);
      if (now !== null && now.timestamp !== before) return now;
      await new Promise((later) => setTimeout(later, 100));
    }
    throw new Error(`the viewer wrote no place:\n${said}`);
  } finally {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    await closed;
  }
}
