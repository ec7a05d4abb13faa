/** Writes sidecars as KOReader does. */
import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

export interface Told {
  readonly digest: string;
  readonly percent?: number;
  readonly status?: "reading" | "complete" | "abandoned";
  readonly rating?: number;
  readonly review?: string;
  readonly pointer?: string;
  /** The file's time, epoch seconds. */
  readonly at?: number;
}

/** A sidecar at `path`, with the folders on the way to it. */
export function writeSidecar(path: string, told: Told): void {
  const { digest, percent = 0.42, status = "reading", rating, review, pointer, at = 1_700_000_000 } = told;
  const lines = [
    `-- ${path}`,
    "return {",
    `    ["doc_path"] = "/mnt/onboard/book.epub",`,
    ...(pointer === undefined ? [] : [`    ["last_xpointer"] = ${JSON.stringify(pointer)},`]),
    `    ["partial_md5_checksum"] = "${digest}",`,
    `    ["percent_finished"] = ${percent},`,
    `    ["summary"] = {`,
    `        ["modified"] = "2023-11-14",`,
    ...(review === undefined ? [] : [`        ["note"] = ${JSON.stringify(review)},`]),
    ...(rating === undefined ? [] : [`        ["rating"] = ${rating},`]),
    `        ["status"] = "${status}",`,
    "    },",
    "}",
  ];
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${lines.join("\n")}\n`);
  utimesSync(path, at, at);
}
