/** calibre allows one program at a time to open libraries, on the whole machine: tests outside a namespace take turns. */
import { closeSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

const LOCK = join(tmpdir(), "koreader-progress-calibre-turn");

/** Waits for the turn; call what it resolves with when done. A turn whose holder has died is free. */
export async function takeCalibreTurn(): Promise<() => void> {
  for (;;) {
    try {
      const file = openSync(LOCK, "wx");
      writeSync(file, String(process.pid));
      closeSync(file);
      return () => rmSync(LOCK, { force: true });
    } catch {
      freeIfAbandoned();
    }
    await new Promise((later) => setTimeout(later, 100));
  }
}

function freeIfAbandoned(): void {
  try {
    const holder = Number(readFileSync(LOCK, "utf8"));
    if (holder > 0) process.kill(holder, 0);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : null;
    if (code === "ESRCH") rmSync(LOCK, { force: true });
  }
}
