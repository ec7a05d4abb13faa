/** What servers answer, brought into one shape: the reference server's and all the others'. */
import * as z from "zod";
import type { Progress } from "../../model/progress.ts";
import type { HttpAnswer } from "../http/request.ts";

/** Numbers, also as text. */
const Numeric = z.union([z.number(), z.string().trim().min(1).transform(Number)]).pipe(z.number());

/** Text, also as a number; anything else is as good as nothing. */
const Text = z
  .union([z.string(), z.number().transform(String)])
  .nullish()
  .catch(null);

/** A record with whatever else a server puts in; only its percentage says that there is one. */
const Record = z.object({
  document: Text,
  percentage: Numeric,
  progress: Text,
  device: Text,
  device_id: Text,
  timestamp: z.unknown().optional(),
  /** What `progress` is, on a server that tells: a place, or a stand-in for a percentage alone. */
  position_kind: Text,
});

const Trouble = z.object({
  code: Numeric.optional().catch(undefined),
  message: z.string().optional().catch(undefined),
  error: z
    .union([z.string(), z.object({ message: z.string() }).transform(({ message }) => message)])
    .optional()
    .catch(undefined),
  reason: z.string().optional().catch(undefined),
  detail: z.string().optional().catch(undefined),
  status: z.string().optional().catch(undefined),
});

/** A body, read once: JSON, a page for people, any other text, or nothing at all. */
export type Body =
  | { readonly kind: "json"; readonly json: unknown }
  /** A wrong address, a login page, a proxy's error: where an answer for programs was due. */
  | { readonly kind: "page"; readonly text: string }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "nothing" };

/** What a server answered, in words that no other module has to read again. */
export interface Answer {
  readonly status: number;
  /** The media type; empty when the server did not say. */
  readonly type: string;
  readonly body: Body;
  readonly location: string | null;
  readonly retry_after: string | null;
  /** Code and words of an error in any of the shapes in use. */
  readonly kosync_code: number | null;
  readonly message: string | null;
}

export const isGood = ({ status }: Answer): boolean => status >= 200 && status < 300;

export const isPage = ({ body }: Answer): boolean => body.kind === "page";

/** The JSON of an answer; undefined when it is none. */
export const jsonOf = ({ body }: Answer): unknown => (body.kind === "json" ? body.json : undefined);

function readBody({ body, type }: HttpAnswer): Body {
  const text = body.replace(/^\uFEFF/, "").trim();
  if (text === "") return { kind: "nothing" };
  try {
    // The media type alone says little: PHP calls JSON text/html unless told otherwise.
    return { kind: "json", json: JSON.parse(text) };
  } catch {
    const isPage = /^(?:text\/html|application\/xhtml\+xml)$/.test(type) || text.startsWith("<");
    return { kind: isPage ? "page" : "text", text };
  }
}

/** Reads an answer once, for whatever is to be known of it. */
export function readAnswer(answer: HttpAnswer): Answer {
  const body = readBody(answer);
  const { data } = Trouble.safeParse(body.kind === "json" ? body.json : undefined);
  const words =
    data?.message ??
    data?.error ??
    data?.reason ??
    data?.detail ??
    data?.status ??
    (body.kind === "text" ? body.text : "");
  const { status, type, location, retry_after } = answer;
  const shown = forPeople(words).trim().slice(0, MAX_MESSAGE);
  const message = shown === "" ? null : shown;
  return { status, type, body, location, retry_after, kosync_code: data?.code ?? null, message };
}

const MAX_MESSAGE = 200;

/**
 * A server's words as they may stand in a sentence of ours or in a terminal: without control characters, and without
 * those that turn the direction of all that follows.
 */
export function forPeople(text: string): string {
  return text
    .replaceAll(/[\u200E\u200F\u061C\u202A-\u202E\u2066-\u2069\u2028\u2029]/g, "")
    .replaceAll(/\p{Cc}+/gu, " ");
}

/** Servers round, and some count in percent: up to a hair above 1 it is a share, from there to 100 it is percent. */
function toShare(percentage: number): number | null {
  if (Number.isNaN(percentage) || percentage < 0) return null;
  if (percentage <= 1.01) return Math.min(percentage, 1);
  return Math.min(percentage / 100, 1);
}

/** Epoch seconds from seconds, milliseconds, microseconds or ISO text; null when there is none, or one before KOReader. */
export function readTimestamp(value: unknown): number | null {
  const text = typeof value === "string" ? value.trim() : "";
  const isNumber = typeof value === "number" || /^\d+(\.\d+)?$/.test(text);
  // Without a zone it is UTC: the one server that sends such text means that.
  const zoned = /[zZ]$|[+-]\d\d:?\d\d$/.test(text) || !text.includes(":") ? text : `${text}Z`;
  let seconds = isNumber ? Number(value) : Date.parse(zoned.replace(" ", "T")) / 1000;
  if (!Number.isFinite(seconds)) return null;
  while (seconds > 1e11) seconds /= 1000;
  return seconds >= 1e9 ? Math.floor(seconds) : null;
}

/**
 * The record an answer holds. `none`: the server says it has none, by `{}` or anything without a percentage.
 * `foreign`: it is about another document than the one asked for, as a confused cache may answer.
 */
export function readRecord(
  document: string,
  json: unknown,
): { status: "record"; progress: Progress } | { status: "none" } | { status: "foreign" } {
  const { data } = Record.safeParse(json);
  const percentage = data === undefined ? null : toShare(data.percentage);
  if (data === undefined || percentage === null) return { status: "none" };
  const named = data.document ?? "";
  if (named !== "" && named.toLowerCase() !== document.toLowerCase()) return { status: "foreign" };
  return {
    status: "record",
    progress: {
      document,
      percentage,
      progress: data.position_kind === "percentage" ? "" : (data.progress ?? ""),
      device: forPeople(data.device ?? ""),
      device_id: data.device_id === "" ? null : (data.device_id ?? null),
      timestamp: readTimestamp(data.timestamp),
    },
  };
}

const Stored = z.object({ document: Text, timestamp: z.unknown().optional() });

/** What the answer to a put says of what is stored; null when it says nothing of this document. */
export function readStored(document: string, json: unknown): { timestamp: number | null } | null {
  const { data } = Stored.safeParse(json);
  if (data === undefined) return null;
  const timestamp = readTimestamp(data.timestamp);
  const named = data.document ?? "";
  const isOurs = named.toLowerCase() === document.toLowerCase() || (named === "" && timestamp !== null);
  return isOurs ? { timestamp } : null;
}

const Withheld = z.object({ position_kinds_available: z.array(z.string()).min(1) });

/** The kinds of place that a server holds under a document, but keeps to itself until it is asked for them; else null. */
export function readWithheld(json: unknown): string[] | null {
  return Withheld.safeParse(json).data?.position_kinds_available ?? null;
}
