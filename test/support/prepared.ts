/** Vitest's own setup: a folder where the plugin, installed once, waits for every test that needs a calibre with it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

const folder = mkdtempSync(join(tmpdir(), "koreader-progress-prepared-"));

export function setup(): void {
  process.env["KOREADER_PROGRESS_PREPARED"] = folder;
}

export function teardown(): void {
  rmSync(folder, { recursive: true, force: true });
}
