import { isUtf8 } from "node:buffer";
import * as z from "zod";
import type { DocumentMetadata } from "../../model/progress.ts";
import { Refusal } from "../errors.ts";
import { checkIdentifiers } from "../stores/identifiers.ts";
import type { ProgressWrite } from "../stores/store.ts";

/** What a header can carry, whatever the percent-encoding: longer names could be written but never read back. */
const MAX_NAME_BYTES = 2048;
const MAX_METADATA_LENGTH = 2000;

// A lone surrogate has no UTF-8 form: two different ids would become one, and a position could not come back as it was.
const wellFormed = z.string().refine((text) => text.isWellFormed());
const name = wellFormed
  .min(1)
  .refine(
    (text) => !text.includes(":") && (text.length * 3 <= MAX_NAME_BYTES || Buffer.byteLength(text) <= MAX_NAME_BYTES),
  );
const key = wellFormed
  .min(1)
  .refine((text) => text.length * 3 <= MAX_NAME_BYTES || Buffer.byteLength(text) <= MAX_NAME_BYTES);

const Registration = z.object({ username: name, password: key });
const PasswordChange = z.object({ password: key });

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
  document: name,
  percentage: share,
  progress: wellFormed,
  device: wellFormed,
  // Never a reason to refuse: what is not usable counts as not sent.
  device_id: wellFormed.nullable().catch(null).default(null),
  metadata: z.unknown().optional(),
  identifiers: z.unknown().optional(),
});

const told = z
  .string()
  .transform((text) => text.toWellFormed().slice(0, MAX_METADATA_LENGTH).toWellFormed())
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

/** Whether text from a path can be a document's id. */
export function isDocumentId(text: string): boolean {
  return name.safeParse(text).success;
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
