/** A calibre library for the command line: real calibre, driven by python-shell, one JSON line each way. */
import { randomBytes } from "node:crypto";
import { PythonShell } from "python-shell";
import type { LoggedBook } from "../model/reading-log.ts";
import { SYNC_ERRORS, SyncError, type SyncErrorName } from "../model/error.ts";
import type { CalibreLibrary } from "../app/ports.ts";

/** Why calibre's side could not do what was asked: `name` and `data` as `headless.py` says them. */
export class LibraryError extends Error {
  readonly kind: string;
  readonly data: Readonly<Record<string, unknown>>;

  constructor(kind: string, data: Readonly<Record<string, unknown>>) {
    super(kind);
    this.name = "LibraryError";
    this.kind = kind;
    this.data = data;
  }
}

function isSyncError(name: string): name is SyncErrorName {
  return Object.hasOwn(SYNC_ERRORS, name);
}

interface Options {
  /** Path of calibre-debug, or its name on the PATH. */
  readonly calibreDebug: string;
  /** The script that calibre-debug runs, and the plugin's zip that it loads. */
  readonly script: string;
  readonly pluginZip: string;
  /** The runtime and the script that run the bridge for calibre, as in calibre's window. */
  readonly bridge: readonly [runtime: string, script: string];
  /** Where other plugins' chatter goes. */
  readonly log: (line: string) => void;
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Starts calibre without a window; rejects with LibraryError("NoCalibre") when it cannot be started. */
export async function startCalibre(options: Options): Promise<CalibreLibrary> {
  // calibre and other plugins may print before and between our lines; nothing of theirs contains this.
  const token = `${randomBytes(12).toString("hex")} `;
  const waiting = new Map<number, Waiting>();
  let nextId = 1;
  let ended: Error | null = null;

  const shell = new PythonShell(options.script, {
    pythonPath: options.calibreDebug,
    pythonOptions: ["-e"],
    args: ["--", options.pluginZip, ...options.bridge, token],
    mode: "text",
    env: { ...process.env, PYTHONIOENCODING: "utf-8", QT_QPA_PLATFORM: "offscreen" },
  });

  const end = (error: Error): void => {
    ended ??= error;
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
  };
  shell.on("message", (line: string) => {
    const start = line.indexOf(token);
    const chatter = start === -1 ? line : line.slice(0, start);
    if (chatter !== "") options.log(chatter);
    if (start === -1) return;
    const { id, result, error } = JSON.parse(line.slice(start + token.length)) as {
      id: number;
      result?: unknown;
      error?: { name: string; data: Record<string, string | number | null> };
    };
    const call = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) call?.resolve(result);
    else
      call?.reject(
        isSyncError(error.name) ? new SyncError(error.name, error.data) : new LibraryError(error.name, error.data),
      );
  });
  shell.on("stderr", (line: string) => options.log(line));
  shell.on("error", (error) => end(new LibraryError("NoCalibre", { message: error.message })));
  shell.on("close", () => end(new LibraryError("CalibreEnded", { exit_code: shell.exitCode ?? null })));

  const ready = new Promise<unknown>((resolve, reject) => waiting.set(0, { resolve, reject }));

  function ask<T>(method: string, params: object): Promise<T> {
    if (ended !== null) return Promise.reject(ended);
    const id = nextId++;
    const answer = new Promise<T>((resolve, reject) =>
      waiting.set(id, { resolve: resolve as (result: unknown) => void, reject }),
    );
    shell.send(JSON.stringify({ id, method, params }));
    return answer;
  }

  await ready;
  return {
    open: (params) => ask("open", params),
    map: (params) => ask("map", params),
    sync: (request) => ask("sync", request),
    push: (request) => ask("push", request),
    log: async (book_ids) => (await ask<{ books: LoggedBook[] }>("log", { book_ids })).books,
    copies: (book_id) => ask("copies", { book_id }),
    link: async (book_id, digest) => void (await ask("link", { book_id, digest })),
    unlink: (book_id, digest, restore) => ask("unlink", { book_id, digest, restore }),
    stop() {
      // Nobody answers this: what is under way ends with its own answer.
      if (ended === null) shell.send(JSON.stringify({ id: 0, method: "stop", params: {} }));
    },
    explain: async (reasons) => (await ask<{ sentences: string[] }>("explain", { reasons })).sentences,
    async close() {
      if (ended === null) await ask("close", {}).catch(() => {});
      await new Promise<void>((resolve) => shell.end(() => resolve()));
    },
  };
}
