/** JSON-RPC 2.0 over lines: reads requests from a given pipe, answers on another, never waits for a handler. */
import * as z from "zod";
import { SyncError } from "../src/model/error.ts";
import { CONTRACT_VERSION } from "./version.ts";
import { METHODS, RPC_ERRORS, Request, type MethodName, type Params, type Result } from "./contract.ts";

/** What a handler is given beside its parameters. */
export interface Call {
  readonly signal: AbortSignal;
  readonly progress: (done: number, total: number, label: string) => void;
}

export type Handlers = { [M in MethodName]: (params: Params<M>, call: Call) => Promise<Result<M>> | Result<M> };

/** Whether hello has been answered already, before anything was served. */
export interface Beginning {
  readonly greeted: boolean;
}

export interface Pipe {
  readonly lines: AsyncIterable<string>;
  readonly write: (line: string) => void;
  readonly log: (text: string) => void;
}

type Id = number | string | null;

const CancelParams = z.object({ id: z.union([z.number().int(), z.string()]) });

/** Progress of one request is sent at most this often (milliseconds): it is for eyes, not for machines. */
const PROGRESS_INTERVAL = 100;

/** Serves until the lines end; then every running handler is cancelled. Resolves once they have all ended. */
export async function serve(
  { lines, write, log }: Pipe,
  handlers: Handlers,
  beginning: Beginning = { greeted: false },
): Promise<void> {
  const running = new Map<Id, AbortController>();
  const ended: Set<Promise<void>> = new Set();
  let { greeted } = beginning;

  const send = (message: object): void => write(JSON.stringify({ jsonrpc: "2.0", ...message }));
  const fail = (id: Id, code: number, message: string, data?: unknown): void =>
    send({ id, error: data === undefined ? { code, message } : { code, message, data } });

  async function answer(method: MethodName, id: Id, params: unknown): Promise<void> {
    const controller = new AbortController();
    running.set(id, controller);
    let last = 0;
    const call: Call = {
      signal: controller.signal,
      progress(done, total, label) {
        const now = performance.now();
        // The beginning of a phase and its end are always told: what lies between may take long.
        if (now - last < PROGRESS_INTERVAL && done !== total && done !== 0) return;
        last = now;
        send({ method: "bridge/progress", params: { id, done, total, label } });
      },
    };
    try {
      // The table pairs each method with its own handler; the compiler cannot see that through an index.
      const handler = handlers[method] as (params: unknown, call: Call) => unknown;
      const result = await handler(params, call);
      if (controller.signal.aborted) throw new SyncError("Cancelled");
      send({ id, result });
    } catch (error) {
      if (error instanceof SyncError) fail(id, error.code, error.kind, error.data);
      else if (controller.signal.aborted) fail(id, new SyncError("Cancelled").code, "Cancelled", {});
      else {
        log(error instanceof Error ? (error.stack ?? String(error)) : String(error));
        fail(id, RPC_ERRORS.InternalError, "Internal error");
      }
    } finally {
      running.delete(id);
    }
  }

  function read(line: string): void {
    let message: unknown;
    try {
      message = JSON.parse(line);
    } catch {
      fail(null, RPC_ERRORS.ParseError, "Parse error");
      return;
    }
    const request = Request.safeParse(message);
    if (!request.success) {
      fail(null, RPC_ERRORS.InvalidRequest, "Invalid request");
      return;
    }
    const { id, method, params } = request.data;
    if (method === "bridge/cancel") {
      const cancel = CancelParams.safeParse(params);
      if (cancel.success) running.get(cancel.data.id)?.abort();
      return;
    }
    // A notification that we do not know is ignored, as JSON-RPC wants it.
    if (id === undefined) return;
    if (!Object.hasOwn(METHODS, method)) {
      fail(id, RPC_ERRORS.MethodNotFound, `Method not found: ${method}`);
      return;
    }
    const name = method as MethodName;
    if (!greeted && name !== "bridge/hello") {
      fail(id, RPC_ERRORS.InvalidRequest, "The first message must be bridge/hello");
      return;
    }
    const checked = METHODS[name].params.safeParse(params);
    if (name === "bridge/hello") {
      const theirs = z.object({ contract: z.number() }).safeParse(params);
      if (theirs.success && theirs.data.contract !== CONTRACT_VERSION) {
        const mismatch = new SyncError("ContractMismatch", { ours: CONTRACT_VERSION, theirs: theirs.data.contract });
        fail(id, mismatch.code, mismatch.kind, mismatch.data);
        return;
      }
      greeted = checked.success;
    }
    if (!checked.success) {
      // Paths and messages only: the values may hold a userkey.
      const issues = checked.error.issues.map((issue) => ({ path: issue.path.join("."), message: issue.message }));
      fail(id, RPC_ERRORS.InvalidParams, "Invalid params", issues.slice(0, 20));
      return;
    }
    const ending = answer(name, id, checked.data).finally(() => ended.delete(ending));
    ended.add(ending);
  }

  for await (const line of lines) if (line.trim() !== "") read(line);
  for (const controller of running.values()) controller.abort();
  await Promise.all(ended);
}
