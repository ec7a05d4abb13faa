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

/** The body as JSON; undefined when it is none. */
export function readJson({ body }: HttpAnswer): unknown {
  try {
    return JSON.parse(body.replace(/^\uFEFF/, "")) as unknown;
  } catch {
    return undefined;
  }
}

/** Whether a page for people came where an answer for programs was due: a wrong address, a login page, a proxy's error. */
export function isWebPage(answer: HttpAnswer): boolean {
  // The media type alone says little: PHP calls JSON text/html unless told otherwise.
  if (readJson(answer) !== undefined) return false;
  return /^(?:text\/html|application\/xhtml\+xml)$/.test(answer.type) || /^\uFEFF?\s*</.test(answer.body);
}

const MAX_MESSAGE = 200;

/** Code and words of an error in any of the shapes in use; both null when there are none. */
export function readTrouble(answer: HttpAnswer): { kosync_code: number | null; message: string | null } {
  const json = readJson(answer);
  const { data } = Trouble.safeParse(json);
  const plain = json === undefined && !isWebPage(answer) ? answer.body.trim() : "";
  const words = data?.message ?? data?.error ?? data?.reason ?? data?.detail ?? data?.status ?? plain;
  return {
    kosync_code: data?.code ?? null,
    // Control characters have no business in a sentence for people.
    message: words === "" ? null : words.replaceAll(/\p{Cc}+/gu, " ").slice(0, MAX_MESSAGE),
  };
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
      progress: data.progress ?? "",
      device: data.device ?? "",
      device_id: data.device_id === "" ? null : (data.device_id ?? null),
      timestamp: readTimestamp(data.timestamp),
    },
  };
}
