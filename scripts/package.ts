/** `npm run package`: everything that is given to others, in `packages/`; the same sources give the same bytes. */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { packArchives, packForNpm } from "./packages/command.ts";
import { billOfMaterials, licences } from "./packages/contents.ts";
import { PLATFORMS } from "./packages/platforms.ts";
import { packPlugins } from "./packages/plugin.ts";
import { copyPacked } from "./packages/runtime.ts";

const root = join(import.meta.dirname, "..");
const out = join(root, process.argv[2] ?? "packages");
const { version } = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(join(root, "package.json"), "utf8")));

/** What each may weigh at most, in millions of bytes; what is none of these is as large as those who make it want. */
const GOALS: ReadonlyArray<readonly [name: RegExp, goal: number]> = [
  [/^koreader-progress-[\d.]+\.zip$/, 1.5],
  [/-macos\.zip$/, 90],
  [/-(?:windows|linux)-\w+\.zip$/, 45],
  [/^calibre-.*\.tgz$/, 3],
  [/\.tar\.gz$/, 46],
];

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
await packPlugins(out, version, join(root, "dist", "bridge"));
copyPacked(
  out,
  PLATFORMS.flatMap(({ binaries }) => binaries),
);
await packForNpm(out);
await packArchives(out, version);
writeFileSync(join(out, "sbom.cdx.json"), billOfMaterials(version));
writeFileSync(join(out, "LICENSES.txt"), licences());

const names = readdirSync(out).sort();
const sums = names.map(
  (name) =>
    `${createHash("sha256")
      .update(readFileSync(join(out, name)))
      .digest("hex")}  ${name}\n`,
);
writeFileSync(join(out, "SHA256SUMS"), sums.join(""));
for (const name of names) {
  const size = (statSync(join(out, name)).size / 1e6).toFixed(2).padStart(8);
  const goal = GOALS.find(([pattern]) => pattern.test(name))?.[1];
  console.log(`${size} MB  ${name}${goal === undefined ? "" : `, at most ${goal} MB wanted`}`);
}
