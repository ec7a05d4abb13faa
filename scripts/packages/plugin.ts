/** The plugin as readers install it: one zip for every machine, and one with a runtime inside for each kind. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { buildPluginZip } from "../plugin-zip.ts";
import { fileNameOf, PLATFORMS } from "./platforms.ts";
import { readRuntime, runtimeLicence, runtimeVersion } from "./runtime.ts";

/** One runtime as `runtime/manifest.json` tells it; `machines` are names that Python's `platform.machine()` gives there. */
interface Carried {
  readonly name: string;
  readonly system: string;
  readonly machines: readonly string[];
  readonly version: string;
  readonly size: number;
  readonly sha256: string;
}

/** Writes all plugin zips into `folder`; their paths, the universal one first. */
export async function packPlugins(folder: string, version: string, bridge: string): Promise<string[]> {
  const universal = join(folder, `koreader-progress-${version}.zip`);
  await buildPluginZip(universal, { bridge });
  const written = [universal];
  for (const platform of PLATFORMS) {
    const carried: Carried[] = [];
    const extra = [{ name: "runtime/LICENSE", bytes: runtimeLicence() }];
    for (const binary of platform.binaries) {
      const bytes = await readRuntime(binary);
      const name = fileNameOf(binary);
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      const { system, machines } = binary;
      carried.push({ name, system, machines, version: runtimeVersion(), size: bytes.length, sha256 });
      extra.push({ name: `runtime/${name}`, bytes });
    }
    extra.push({ name: "runtime/manifest.json", bytes: Buffer.from(`${JSON.stringify(carried, null, 2)}\n`) });
    const destination = join(folder, `koreader-progress-${version}-${platform.name}.zip`);
    await buildPluginZip(destination, { bridge, extra, system: platform.calibre });
    written.push(destination);
  }
  return written;
}
