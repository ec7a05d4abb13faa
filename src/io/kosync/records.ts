/** Records of a kosync server: asked for, put, removed. */
import * as z from "zod";
import type { KosyncClient, ProgressToPut } from "../../app/ports.ts";
import type { Progress } from "../../model/progress.ts";
import { isGood, isPage, jsonOf, readRecord, readStored, readWithheld, type Answer } from "./answers.ts";
import { OWN_DOCUMENTS } from "./listing.ts";
import { CODES, saysUnauthorized, type Troubles } from "./troubles.ts";
import type { Transport } from "./transport.ts";

/** Cut off on its way, nothing where something was promised, or a page in its place; 204 promises nothing. */
const isBroken = ({ status, body }: Answer): boolean => status !== 204 && body.kind !== "json";

/** Whether this is one server's way to say that it has no such document. The reference server says `200 {}`. */
function saysNotFound(answer: Answer): boolean {
  const { status, kosync_code, message } = answer;
  if (status === 404 || status === 410) return true;
  if (isPage(answer)) return false;
  if (status === 400) return kosync_code === null;
  return status >= 500 && /not found|no (?:progress|record|document)|does(?:n't| not) exist/i.test(message ?? "");
}

/**
 * Whether a server says of this document alone that it is not taken, in the one way that KOReader does not repeat for a month:
 * a full account is no wrong password.
 */
function refusesThis({ status, kosync_code }: Answer): boolean {
  return status === 401 && kosync_code !== null && kosync_code !== CODES.unauthorized;
}

/** What is asked for so that a server shows also the places of which it knows nothing but a percentage. */
const ALL_KINDS = "?position_kinds=locator,percentage";

export interface Records {
  /** The record under a document; null where the server says that it has none. */
  readonly get: KosyncClient["getProgress"];
  readonly put: KosyncClient["putProgress"];
  readonly remove: KosyncClient["removeDocument"];
}

const segment = (document: string): string => encodeURIComponent(document.toWellFormed());

/** `confirm` makes sure, once, that the server knows the account: only then "nothing stored" is believed. */
export function createRecords(
  transport: Transport,
  troubles: Troubles,
  confirm: (signal?: AbortSignal) => Promise<unknown>,
): Records {
  // Known once a server of this client has kept a place to itself.
  let kinds: "" | typeof ALL_KINDS = "";

  async function get(document: string, signal?: AbortSignal): Promise<Progress | null> {
    // No address can hold these two names: they would be taken for folders.
    if (document === "." || document === "..") return null;
    const asked = kinds;
    const path = `/syncs/progress/${segment(document)}${asked}`;
    const call = { method: "GET", path, login: true, isFinal: saysNotFound, isBroken } as const;
    const answer = await transport.ask(call, signal);
    if (isGood(answer)) {
      if (saysUnauthorized(answer)) throw troubles.unauthorized();
      if (isBroken(answer)) throw troubles.of(answer);
      const json = jsonOf(answer);
      const read = readRecord(document, json);
      if (read.status === "record") return read.progress;
      if (read.status === "foreign") throw troubles.refused(answer, "answered for another document");
      if (answer.kosync_code !== null) throw troubles.refused(answer);
      if (readWithheld(json) !== null) {
        if (asked !== "") throw troubles.refused(answer, "keeps the place to itself");
        kinds = ALL_KINDS;
        return asPercentage(await get(document, signal));
      }
    } else if (!saysNotFound(answer)) {
      throw troubles.of(answer);
    }
    await confirm(signal);
    return null;
  }

  /**
   * Some servers say no more than yes, and a proxy says it for all of them: then what was put is read. Throws
   * ServerRefused when it is not there.
   */
  async function readBack(
    put: ProgressToPut,
    answer: Answer,
    signal?: AbortSignal,
  ): Promise<{ timestamp: number | null }> {
    const stands = await get(put.document, signal);
    const isOurs = stands !== null && (stands.device_id === put.device_id || stands.progress === put.progress);
    if (!isOurs) throw troubles.refused(answer, "did not keep the place");
    return { timestamp: stands.timestamp };
  }

  return {
    get,
    async put(progress, signal) {
      const call = { method: "PUT", path: "/syncs/progress", body: progress, login: true } as const;
      const answer = await transport.ask(call, signal);
      if (refusesThis(answer)) {
        await confirm(signal);
        throw troubles.refused(answer);
      }
      if (!isGood(answer) || isPage(answer)) throw troubles.of(answer);
      if (saysUnauthorized(answer)) throw troubles.unauthorized();
      if (answer.kosync_code !== null) throw troubles.refused(answer);
      const json = jsonOf(answer);
      const told = readStored(progress.document, json);
      return told ?? readBack(progress, answer, signal);
    },
    async remove(document, signal) {
      const path = `${OWN_DOCUMENTS}/${segment(document)}`;
      const answer = await transport.ask({ method: "DELETE", path, login: true, isFinal: () => true }, signal);
      if (saysUnauthorized(answer)) throw troubles.unauthorized();
      // A server in trouble has not said that it cannot; whatever else answers is a server without this path.
      if (answer.status === 429 || (answer.status >= 500 && answer.status !== 501)) throw troubles.of(answer);
      // Not deleted: the server can, and nothing stands there (any more, when an answer was lost on its way).
      const { data } = z.object({ deleted: z.boolean() }).safeParse(isGood(answer) ? jsonOf(answer) : null);
      return data !== undefined;
    },
  };
}

/** A place that was withheld is none that a reader could be sent to: its share of the book is all it says. */
function asPercentage(record: Progress | null): Progress | null {
  return record === null ? null : { ...record, progress: "" };
}
