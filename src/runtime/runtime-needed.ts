/** Which runtimes can run what the build makes; checked before anything else is loaded. */
import process from "node:process";

const NODE_NEEDED = [22, 19] as const;
const DENO_NEEDED = [2, 8] as const;

/** One sentence if this runtime is too old, else null. */
export function runtimeComplaint(): string | null {
  const { deno } = process.versions as Record<string, string | undefined>;
  const [name, version, needed] =
    deno === undefined ? ["Node", process.versions.node, NODE_NEEDED] : ["Deno", deno, DENO_NEEDED];
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > needed[0] || (major === needed[0] && minor >= needed[1])) return null;
  return `KOReader Progress needs ${name} ${needed.join(".")} or newer; this is ${name} ${version}.`;
}
