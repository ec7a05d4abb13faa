/**
 * `npm run pin`: writes which runtimes the plugin knows by their content. Those of earlier versions stay listed: a reader
 * may have kept one when calibre's updater put a zip without any in place of theirs.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileNameOf, PLATFORMS } from "./packages/platforms.ts";
import { readPacked, readRuntime, runtimeVersion } from "./packages/runtime.ts";
import type { Binary } from "./packages/platforms.ts";

const PINNED = join(import.meta.dirname, "..", "calibre_plugin", "link", "pinned.py");
const HEAD = `# Made by \`npm run pin\`; do not edit.
"""The builds of Deno that this version knows by their content, and the archives they are fetched in."""

from __future__ import annotations

from typing import Final

from .deno_build import Archive, Build

PINNED: Final[tuple[Archive, ...]] = (
`;

async function entry(binary: Binary): Promise<string> {
  const bytes = await readRuntime(binary);
  const packed = readPacked(binary);
  return `    Archive(
        Build(
            "${fileNameOf(binary)}",
            "${binary.system}",
            (${binary.machines.map((machine) => `"${machine}"`).join(", ")}),
            "${runtimeVersion()}",
            ${bytes.length},
            "${createHash("sha256").update(bytes).digest("hex")}",
        ),
        "${packed.file}",
        ${packed.bytes.length},
        "${packed.integrity}",
    ),
`;
}

const before = existsSync(PINNED) ? readFileSync(PINNED, "utf8") : "";
const earlier = [...before.matchAll(/^ {4}Archive\(\n[\s\S]*?^ {4}\),\n/gm)]
  .map(([text]) => text)
  .filter((text) => !text.includes(`"${runtimeVersion()}"`));
const current: string[] = [];
for (const binary of PLATFORMS.flatMap(({ binaries }) => binaries)) current.push(await entry(binary));
writeFileSync(PINNED, `${HEAD}${[...current, ...earlier].join("")})\n`);
