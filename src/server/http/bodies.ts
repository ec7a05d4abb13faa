import { isUtf8 } from "node:buffer";
import * as z from "zod";
import { AccountKey, AccountName, MAX_NAME_BYTES } from "../../model/account-name.ts";
import type { DocumentMetadata } from "../../model/progress.ts";
import { Refusal } from "../errors.ts";
import { checkIdentifiers } from "../stores/identifiers.ts";
import type { ProgressWrite } from "../stores/store.ts";

const MAX_PROGRESS_BYTES = 4096;
const MAX_DEVICE_BYTES = 256;

function isWithin(text: string, bytes: number): boolean {
  return text.length * 3 <= bytes || Buffer.byteLength(text) <= bytes;
}

// A lone surrogate has no UTF-8 form: two different ids would become one, and a position could not come back as it was.
const wellFormed = z.string().refine((text) => text.isWellFormed());
const document = wellFormed.min(1).refine((text) => !text.includes(":") && isWithin(text, MAX_NAME_BYTES));

const Registration = z.object({ username: AccountName, password: AccountKey });
const PasswordChange = z.object({ password: AccountKey });

/** Readers before 2022 send the page of a paged book as a number; what is kept is always text. */
const place = z.union([wellFormed, z.number().transform(String)]).refine((text) => isWithin(text, MAX_PROGRESS_BYTES));

/** The reference server takes a number written as text, so this one does too. */
const share = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^\s*\d+(\.\d*)?(e[+-]?\d+)?\s*$/i)
      .transform(Number),
  ])
  .pipe(z.number().min(0).max(1));

const Position = z.object({
  document,
  percentage: share,
  progress: place,
  device: wellFormed.refine((text) => isWithin(text, MAX_DEVICE_BYTES)),
  // Never a reason to refuse: what is not usable counts as not sent.
  device_id: wellFormed
    .refine((text) => isWithin(text, MAX_DEVICE_BYTES))
    .nullable()
    .catch(null)
    .default(null),
  metadata: z.unknown().optional(),
  identifiers: z.unknown().optional(),
});

/** The beginning of a text, whole characters in at most so many bytes. */
function cutTo(text: string, bytes: number): string {
  if (isWithin(text, bytes)) return text;
  let cut = text.slice(0, bytes);
  while (Buffer.byteLength(cut) > bytes) cut = cut.slice(0, -1);
  // Half of a pair at the end would be no text.
  return cut.isWellFormed() ? cut : cut.slice(0, -1);
}

const told = z
  .string()
  .transform((text) => cutTo(text.toWellFormed(), MAX_NAME_BYTES))
  .optional()
  .catch(undefined);
const Metadata = z.object({ filename: told, title: told, authors: told });

/** A body as the JSON object it must be, whatever its Content-Type; throws the refusals 103 and 104. */
export function parseJsonObject(body: unknown): object {
  if (!Buffer.isBuffer(body) || !isUtf8(body)) throw new Refusal("BrokenJson");
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch {
    throw new Refusal("BrokenJson");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Refusal("NotAnObject");
  return value;
}

/** The body of `POST /users/create`; throws 2003. */
export function readRegistration(body: object): { username: string; password: string } {
  const parsed = Registration.safeParse(body);
  if (!parsed.success) throw new Refusal("InvalidFields");
  return parsed.data;
}

/** The body of `PUT /users/password`; throws 2003. */
export function readPassword(body: object): string {
  const parsed = PasswordChange.safeParse(body);
  if (!parsed.success) throw new Refusal("InvalidFields");
  return parsed.data.password;
}

function readMetadata(value: unknown): DocumentMetadata | null {
  const parsed = Metadata.safeParse(value);
  if (!parsed.success) return null;
  const metadata: DocumentMetadata = {};
  for (const field of ["filename", "title", "authors"] as const) {
    const text = parsed.data[field];
    if (text !== undefined) metadata[field] = text;
  }
  return Object.keys(metadata).length === 0 ? null : metadata;
}

/** The body of `PUT /syncs/progress`, with the server's own timestamp in epoch seconds; throws 2004 and 2003, in this order. */
export function readProgressWrite(body: object, timestamp: number): ProgressWrite {
  const parsed = Position.safeParse(body);
  if (!parsed.success) {
    // Most often all is well: only otherwise it matters whose fault comes first.
    const isNamed = parsed.error.issues.every(({ path }) => path[0] !== "document");
    throw new Refusal(isNamed ? "InvalidFields" : "DocumentMissing");
  }
  const { document, percentage, progress, device, device_id, metadata } = parsed.data;
  const raw = parsed.data.identifiers;
  const identifiers = raw === undefined ? null : checkIdentifiers(raw, document);
  if (raw !== undefined && identifiers === null) throw new Refusal("InvalidFields");
  return {
    document,
    percentage,
    progress,
    device,
    device_id,
    timestamp,
    metadata: metadata === undefined ? null : readMetadata(metadata),
    identifiers,
  };
}
