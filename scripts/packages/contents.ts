/** What is inside the packages: every library with its version and licence, for programs and for people. */
import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Metafile } from "esbuild";
import * as z from "zod";
import { runtimeLicence, runtimeVersion } from "./runtime.ts";

const root = join(import.meta.dirname, "..", "..");
/** Which libraries the last build really bundled, by their folders below this one. */
const BUNDLED = join(root, ".cache", "bundled.json");
const Described = z.object({ name: z.string(), version: z.string(), license: z.string() });

/** Writes down which libraries these builds have bundled. */
export function keepBundled(metafiles: readonly Metafile[]): void {
  const folders = metafiles
    .flatMap(({ inputs }) => Object.keys(inputs))
    .map((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1])
    .filter((folder) => folder !== undefined);
  mkdirSync(dirname(BUNDLED), { recursive: true });
  writeFileSync(BUNDLED, `${JSON.stringify([...new Set(folders)].sort(), null, 2)}\n`);
}

interface Library extends z.infer<typeof Described> {
  readonly licenceText: string;
}

function libraries(): Library[] {
  const folders = z.array(z.string()).parse(JSON.parse(readFileSync(BUNDLED, "utf8")));
  const bundled = folders.map((folder) => {
    const about = Described.parse(JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")));
    const [file] = globSync("{LICEN[SC]E,licen[sc]e,COPYING}*", { cwd: join(root, folder) });
    // Some name a licence and leave its text to the world.
    const licenceText =
      file === undefined ? `Licence: ${about.license}` : readFileSync(join(root, folder, file), "utf8").trim();
    return Object.assign(about, { licenceText });
  });
  const deno = {
    name: "deno",
    version: runtimeVersion(),
    license: "MIT",
    licenceText: runtimeLicence().toString().trim(),
  };
  return [...bundled, deno];
}

/** A bill of materials in CycloneDX, the same for the same sources. */
export function billOfMaterials(version: string): string {
  const components = libraries().map(({ name, version, license }) => ({
    type: name === "deno" ? "application" : "library",
    name,
    version,
    purl: `pkg:npm/${name.replace("@", "%40")}@${version}`,
    licenses: [{ expression: license }],
  }));
  const component = {
    type: "application",
    name: "koreader-progress",
    version,
    licenses: [{ expression: "GPL-3.0-or-later" }],
  };
  const bill = { bomFormat: "CycloneDX", specVersion: "1.6", version: 1, metadata: { component }, components };
  return `${JSON.stringify(bill, null, 2)}\n`;
}

/** The licences of all libraries that are bundled, and of the runtime, one after the other. */
export function licences(): string {
  return libraries()
    .map(({ name, version, licenceText }) => `${name} ${version}\n\n${licenceText}\n`)
    .join(`\n${"-".repeat(80)}\n\n`);
}
