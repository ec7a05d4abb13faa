import * as z from "zod";

/** A share of a book, 0 to 1. It becomes whole percent only at a column's edge. */
export const Share = z.number().min(0).max(1).meta({ id: "Share" });
export type Share = z.infer<typeof Share>;

/** The server's key for a book: usually a digest, but any non-empty text without a colon is legal. */
export const Document = z
  .string()
  .min(1)
  .regex(/^[^:]+$/)
  .meta({ id: "Document" });
export type Document = z.infer<typeof Document>;

/** What a KOReader with "Send document metadata" tells about a book. */
export const DocumentMetadata = z
  .strictObject({
    filename: z.string().nullable(),
    title: z.string().nullable(),
    authors: z.string().nullable(),
  })
  .partial()
  .meta({ id: "DocumentMetadata" });
export type DocumentMetadata = z.infer<typeof DocumentMetadata>;

/** A record as a kosync server keeps it, already normalised: timestamp in epoch seconds, percentage as a share. */
export const Progress = z
  .strictObject({
    document: Document,
    percentage: Share,
    /** An XPointer, or a page number as text; byte for byte what the reader sent. Empty when a server lost it. */
    progress: z.string(),
    device: z.string(),
    device_id: z.string().nullable(),
    /** When the server stored it (not when it was read); null on servers that do not say. */
    timestamp: z.number().nullable(),
  })
  .meta({ id: "Progress" });
export type Progress = z.infer<typeof Progress>;

/** One of a user's documents, as a server that can list them tells it. */
export const ListedDocument = z
  .strictObject({ progress: Progress, metadata: DocumentMetadata.nullable() })
  .meta({ id: "ListedDocument" });
export type ListedDocument = z.infer<typeof ListedDocument>;
