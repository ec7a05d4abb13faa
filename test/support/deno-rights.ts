/** What the plugin lets Deno show the bridge of its surroundings, taken from where the plugin keeps it. */
import { readFileSync } from "node:fs";

const PLUGIN = readFileSync("calibre_plugin/link/runtime.py", "utf8");

function named(constant: string): string {
  const names = new RegExp(`^${constant}: Final = "(.+)"$`, "m").exec(PLUGIN)?.[1];
  if (names === undefined) throw new Error(`the plugin names no ${constant}`);
  return names;
}

export const DENO_RIGHTS = [`--allow-env=${named("_ENVIRONMENT")}`, `--allow-sys=${named("_SYSTEM")}`] as const;
