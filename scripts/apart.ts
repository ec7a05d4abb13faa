/** A network of its own for a program, with nothing on it but loopback: calibre's locks are names there, and meet no other calibre's. */
import { spawnSync } from "node:child_process";
import process from "node:process";

// Who is root stays who they are; anybody else becomes root of a world of their own.
const WAYS = ["-n", "-rn"].map((flags) => ["unshare", flags, "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]);

/** What to put before a command line so that it runs apart, or null where this machine allows nobody to. */
export function apart(): readonly string[] | null {
  if (process.platform !== "linux") return null;
  return WAYS.find(([command = "", ...rest]) => spawnSync(command, [...rest, "true"]).status === 0) ?? null;
}
