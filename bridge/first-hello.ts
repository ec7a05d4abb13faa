/** The one request that is answered before zod is loaded: loading every schema takes as long as starting the runtime. */
import process from "node:process";
import type { Hello, HelloAnswer } from "./contract.ts";
import { CONTRACT_VERSION, VERSION } from "./version.ts";

/** An ordinary hello of our own contract, checked by hand as strictly as its schema does. */
export interface FirstHello {
  readonly id: number | string;
  readonly params: Hello;
}

const KEYS = ["cache_folder", "contract", "plugin"].join();

/** The hello in this line, or null for anything out of the ordinary: that is for `serve`, which knows every answer. */
export function readFirstHello(line: string): FirstHello | null {
  let message: unknown;
  try {
    message = JSON.parse(line);
  } catch {
    return null;
  }
  if (!isRecord(message)) return null;
  const { jsonrpc, id, method, params } = message;
  if (jsonrpc !== "2.0" || method !== "bridge/hello" || !isRecord(params)) return null;
  if (typeof id !== "string" && !(typeof id === "number" && Number.isSafeInteger(id))) return null;
  const { contract, plugin, cache_folder } = params;
  if (Object.keys(params).toSorted().join() !== KEYS) return null;
  if (contract !== CONTRACT_VERSION || typeof plugin !== "string") return null;
  if (cache_folder !== null && typeof cache_folder !== "string") return null;
  return { id, params: { contract, plugin, cache_folder } };
}

/** What hello is answered with. */
export function helloAnswer(): HelloAnswer {
  const { deno, node } = process.versions as Record<string, string | undefined>;
  const runtime: HelloAnswer["runtime"] =
    deno === undefined ? { name: "node", version: node ?? "" } : { name: "deno", version: deno };
  return { contract: CONTRACT_VERSION, bridge: VERSION, runtime };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
