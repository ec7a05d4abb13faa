import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as z from "zod";
import { fileNameOf, PLATFORMS } from "../../scripts/packages/platforms.ts";

const Lock = z.object({
  packages: z.record(z.string(), z.looseObject({ version: z.string().optional(), integrity: z.string().optional() })),
});
const { packages } = Lock.parse(JSON.parse(readFileSync("package-lock.json", "utf8")));
const pinned = readFileSync("calibre_plugin/link/pinned.py", "utf8").split("    Archive(\n").slice(1);

test.each(PLATFORMS.flatMap(({ binaries }) => binaries))(
  "the plugin knows the runtime for $name by the lockfile's own word",
  (binary) => {
    const { version, integrity } = packages[`node_modules/@deno/${binary.name}`] ?? {};
    const entry = pinned.find((text) => text.includes(`"${fileNameOf(binary)}"`) && text.includes(`"${version}"`));
    expect(entry, "run `npm run pin`").toBeDefined();
    expect(entry).toContain(`"${integrity}"`);
    expect(entry).toContain(`"${binary.system}"`);
    for (const machine of binary.machines) expect(entry).toContain(`"${machine}"`);
  },
);

test("nothing but builds for these machines is listed", () => {
  const names = PLATFORMS.flatMap(({ binaries }) => binaries).map(fileNameOf);
  for (const entry of pinned) expect(names.some((name) => entry.includes(`"${name}"`))).toBe(true);
});
