/** A calibre library for the command line: real calibre, driven by python-shell, one JSON line each way. */
import { randomBytes } from "node:crypto";
import { PythonShell } from "python-shell";
import { SYNC_ERRORS, SyncError, type SyncErrorName } from "../model/error.ts";
import type * as z from "zod";
import {
  LIBRARY_METHODS,
  LibraryAnswer,
  type LibraryMethod,
  type LibraryParams,
  type LibraryResult,
} from "../model/library.ts";
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

/** The same schemas, so that the type of an answer follows from the method's. */
const ANSWERS: { readonly [M in LibraryMethod]: { readonly result: z.ZodType<LibraryResult<M>> } } = LIBRARY_METHODS;

function errorOf({ name, data }: { readonly name: string; readonly data: SyncError["data"] }): Error {
  return isSyncError(name) ? new SyncError(name, data) : new LibraryError(name, data);
}

/** Columns as a command names them, in the words of calibre's side. */
function wantedColumns(columns: Parameters<CalibreLibrary["map"]>[0]["columns"]): LibraryParams<"map">["columns"] {
  return Object.fromEntries(Object.entries(columns).map(([field, [column, scale]]) => [field, { column, scale }]));
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
  /** Hears how far a request has come, in words; null once it is answered. */
  readonly progress: (sentence: string | null) => void;
  /** Asks what is under way to end soon: it answers with what was done by then, or rejects with Cancelled. */
  readonly signal: AbortSignal;
}

/** Milliseconds that a calibre which was told to go, or to stop, may take: then it is ended. What it wrote is journalled. */
const PATIENCE = 15_000;

/** Milliseconds for the last words of a calibre that has ended; a program that it left behind may hold its pipes for ever. */
const LAST_WORDS = 1_000;

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

  // Listened to from the beginning: python-shell tells it once, and calls nobody back who asks later.
  const { promise: gone, resolve: goneNow } = Promise.withResolvers<void>();
  const end = (error: Error): void => {
    ended ??= error;
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
    goneNow();
  };
  const endedSo = (): void => {
    end(new LibraryError("CalibreEnded", { exit_code: shell.exitCode ?? null, signal: shell.childProcess.signalCode }));
    shell.stdout.destroy();
    shell.stderr.destroy();
  };
  shell.on("message", (line: string) => {
    const start = line.indexOf(token);
    const chatter = start === -1 ? line : line.slice(0, start);
    if (chatter !== "") options.log(chatter);
    if (start === -1) return;
    const answer = answerIn(line.slice(start + token.length));
    if (answer === null) {
      // Cut off, or no answer at all: whoever waits for it would wait for ever.
      shell.kill("SIGKILL");
      return;
    }
    if ("progress" in answer) {
      options.progress(answer.progress);
      return;
    }
    options.progress(null);
    const call = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ("error" in answer) call?.reject(errorOf(answer.error));
    else call?.resolve(answer.result);
  });
  shell.on("stderr", (line: string) => options.log(line));
  shell.on("error", (error) => end(new LibraryError("NoCalibre", { message: error.message })));
  shell.on("close", endedSo);
  shell.childProcess.on("exit", () => unlessGone(LAST_WORDS, endedSo));
  // What is written to a calibre that has just gone is lost with it: its end is what is told.
  shell.stdin.on("error", () => {});

  function unlessGone(patience: number, act: () => void): void {
    const timer = setTimeout(act, patience);
    void gone.then(() => clearTimeout(timer));
  }
  const leave = (): void => unlessGone(PATIENCE, () => shell.kill("SIGKILL"));
  const stop = (): void => {
    // Nobody answers this: what is under way ends with its own answer.
    if (ended === null) shell.send(JSON.stringify({ id: 0, method: "stop", params: {} }));
    leave();
  };
  options.signal.addEventListener("abort", stop, { once: true });
  void gone.then(() => options.signal.removeEventListener("abort", stop));

  const ready = new Promise<unknown>((resolve, reject) => waiting.set(0, { resolve, reject }));

  async function ask<M extends LibraryMethod>(method: M, params: LibraryParams<M>): Promise<LibraryResult<M>> {
    if (ended !== null) throw ended;
    const id = nextId++;
    const answer = new Promise<unknown>((resolve, reject) => waiting.set(id, { resolve, reject }));
    shell.send(JSON.stringify({ id, method, params }));
    return ANSWERS[method].result.parse(await answer);
  }

  await ready;
  return {
    open: ({ copy_logs, ...params }) => ask("open", { ...params, copy_logs: [...copy_logs] }),
    map: ({ columns, ...login }) => ask("map", { ...login, columns: wantedColumns(columns) }),
    look: async (folders) => (await ask("look", { folders: folders.map((folder) => ({ ...folder })) })).looks,
    devices: async () => (await ask("devices", {})).devices,
    sync: (request) => ask("sync", request),
    push: (request) => ask("push", request),
    move: (request) => ask("move", request),
    log: async (book_ids) => (await ask("log", { book_ids: [...book_ids] })).books,
    copies: (book_id) => ask("copies", { book_id }),
    examine: (device) => ask("examine", { device }),
    annotations: (book_ids, folders, target) =>
      ask("annotations", { book_ids: [...book_ids], folders: [...folders], target }),
    keepAnnotations: (target, plans) => ask("keep_annotations", { target, plans: [...plans] }),
    undoAnnotations: (run) => ask("undo_annotations", { run }),
    link: async (book_id, digest) => void (await ask("link", { book_id, digest })),
    unlink: (book_id, digest, restore) => ask("unlink", { book_id, digest, restore }),
    explain: async (reasons) => (await ask("explain", { reasons: [...reasons] })).sentences,
    async close() {
      if (ended !== null) return;
      leave();
      await ask("close", {}).catch(() => {});
      shell.end(() => {});
      await gone;
    },
  };
}

/** The answer that a line holds; null for one that was cut off, or is none. */
function answerIn(text: string): LibraryAnswer | null {
  try {
    return LibraryAnswer.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
