/** Which store a command of the server works on: options first, then the environment, as containers like it. */
import { existsSync } from "node:fs";
import process from "node:process";
import { openServerAdmin, openServerBackup } from "../compose.ts";
import { SyncError } from "../model/error.ts";
import { fileSentence } from "./sentences.ts";

export const STORE_OPTIONS = { data: { type: "string" }, redis: { type: "string" } } as const;

/** What `--help` says of them. */
export const STORE_HELP = `\
  --data DIR               the folder of your server's data (KOREADER_PROGRESS_DATA), or
  --redis URL              its Redis, as in redis://HOST:6379/1 (KOREADER_PROGRESS_REDIS)`;

export interface StoreValues {
  readonly data?: string | undefined;
  readonly redis?: string | undefined;
}

/** A variable of the environment that holds something: `KOREADER_PROGRESS_` and the option's name. */
export function fromEnvironment(option: string): string | undefined {
  const value = process.env[`KOREADER_PROGRESS_${option.toUpperCase().replaceAll("-", "_")}`];
  return value === "" ? undefined : value;
}

/** The store that is meant; empty when nobody named one. */
export function storePlace(values: StoreValues): { data?: string; redis?: string } {
  const redis = values.redis ?? (values.data === undefined ? fromEnvironment("redis") : undefined);
  if (redis !== undefined) return { redis };
  const data = values.data ?? fromEnvironment("data");
  return data === undefined ? {} : { data };
}

/** As `withAdmin`, for a store that only has to be readable, and be it in part. */
export async function withBackup(
  values: StoreValues,
  work: (admin: Awaited<ReturnType<typeof openServerAdmin>>) => Promise<number>,
): Promise<number> {
  return withAdmin("backup", values, work, openServerBackup);
}

/** Says on stderr why a store or server cannot be had. */
export function complain(command: string, error: SyncError): void {
  const { host, port, reason, code, path } = error.data;
  const why = code === undefined ? String(reason) : fileSentence(code, path);
  const sentence =
    error.kind === "PortTaken"
      ? `Port ${port} on ${host} is taken: another program, or another server of ours, listens there. Choose one with --port.`
      : `The store cannot be opened: ${why.replace(/([^.?])$/, "$1.")}`;
  process.stderr.write(`${command}: ${sentence}\n`);
}

/** Whether a folder to read from is missing; says so. It would be made otherwise, and found empty. */
export function isMissing(command: string, folder: string | undefined): boolean {
  if (folder === undefined || existsSync(folder)) return false;
  process.stderr.write(`${command}: ${folder} does not exist.\n`);
  return true;
}

/** Opens the store that is meant, lets `work` at it and closes it; 2 when none is named or it cannot be opened. */
export async function withAdmin(
  command: string,
  values: StoreValues,
  work: (admin: Awaited<ReturnType<typeof openServerAdmin>>) => Promise<number>,
  open: typeof openServerAdmin = openServerAdmin,
): Promise<number> {
  const place = storePlace(values);
  if (place.data === undefined && place.redis === undefined) {
    process.stderr.write(`${command}: name the store: --data DIR, or --redis URL.\n`);
    return 2;
  }
  try {
    const admin = await open(place);
    try {
      return await work(admin);
    } finally {
      await admin.close();
    }
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    complain(command, error);
    return 2;
  }
}
