import * as z from "zod";

/** What a column can show. */
export const ColumnField = z
  .enum([
    "percent",
    "status",
    "place",
    "device",
    "last_read",
    "started",
    "finished",
    "times_read",
    "rating",
    "review",
    "read_time",
    "days_read",
    "time_left",
    "last_synced",
    "location",
  ])
  .meta({ id: "ColumnField" });
export type ColumnField = z.infer<typeof ColumnField>;

/** calibre's own names for the datatypes we can fill. */
export const ColumnDatatype = z
  .enum(["int", "float", "text", "comments", "enumeration", "bool", "datetime", "rating", "series", "composite"])
  .meta({ id: "ColumnDatatype" });
export type ColumnDatatype = z.infer<typeof ColumnDatatype>;

/** The datatypes in which a field can be shown, in the order in which the preferences list the fields. */
export const FITTING: Readonly<Record<ColumnField, readonly ColumnDatatype[]>> = {
  percent: ["int", "float", "text"],
  status: ["text", "enumeration", "bool"],
  place: ["text", "comments"],
  device: ["text", "comments", "enumeration"],
  last_read: ["datetime", "text"],
  started: ["datetime", "text"],
  finished: ["datetime", "text"],
  times_read: ["int", "float", "text"],
  rating: ["rating", "int"],
  review: ["comments"],
  read_time: ["int", "float", "text"],
  days_read: ["int", "float", "text"],
  time_left: ["int", "float", "text"],
  last_synced: ["datetime", "text"],
  location: ["text", "comments"],
};

/** How calibre shows a column of long text. */
export const InterpretAs = z.enum(["html", "markdown", "long-text", "short-text"]).meta({ id: "InterpretAs" });
export type InterpretAs = z.infer<typeof InterpretAs>;

/** One mapped column, with what is needed to write it without being refused. */
export const ColumnMapping = z
  .strictObject({
    field: ColumnField,
    /** Lookup name with its hash: `#percent_read`. */
    column: z.string().regex(/^#[a-z0-9_]+$/i),
    datatype: ColumnDatatype,
    /** Float columns only: whether the whole book is 1 or 100. */
    scale: z.union([z.literal(1), z.literal(100)]),
    /** Enumeration columns only: the values calibre will accept. */
    enum_values: z.array(z.string()),
    /** Long text only: how calibre shows it; left out, as HTML. */
    interpret_as: InterpretAs.exactOptional(),
  })
  .meta({ id: "ColumnMapping" });
export type ColumnMapping = z.infer<typeof ColumnMapping>;

/** The reader's own words for a status column. */
export const StatusWords = z
  .strictObject({ unread: z.string(), reading: z.string(), finished: z.string() })
  .meta({ id: "StatusWords" });
export type StatusWords = z.infer<typeof StatusWords>;

export const ConflictPolicy = z.enum(["newest", "furthest", "server", "library", "ask"]).meta({ id: "ConflictPolicy" });
export type ConflictPolicy = z.infer<typeof ConflictPolicy>;

/** How the reader matches documents: KOReader's *Document matching method*. */
export const Matching = z.enum(["binary", "filename", "both"]).meta({ id: "Matching" });
export type Matching = z.infer<typeof Matching>;

/** What a finished book that is opened again from the start means. */
export const Reread = z.enum(["ask", "count", "ignore"]).meta({ id: "Reread" });
export type Reread = z.infer<typeof Reread>;

export const Rules = z
  .strictObject({
    conflict: ConflictPolicy,
    /** From this share on a book counts as finished. */
    finish_at: z.number().min(0).max(1),
    /** Below this share a book counts as not yet begun. */
    reading_from: z.number().min(0).max(1),
    reread: Reread,
    /** A step back by more than this share is asked under every policy. */
    larger_step: z.number().min(0).max(1),
    status_words: StatusWords,
  })
  .meta({ id: "Rules" });
export type Rules = z.infer<typeof Rules>;

/** The rules of a new profile in calibre, and of a command that knows no profile. */
export const DEFAULT_RULES: Rules = {
  conflict: "newest",
  finish_at: 0.99,
  reading_from: 0.01,
  reread: "ask",
  larger_step: 0.05,
  status_words: { unread: "Unread", reading: "Reading", finished: "Finished" },
};

/** What the bridge needs of a profile to plan; triggers and names stay in calibre. */
export const Profile = z
  .strictObject({
    id: z.string().min(1),
    matching: Matching,
    columns: z.array(ColumnMapping),
    rules: Rules,
    /** Whether a run of this profile was ever written: the first is always reviewed. */
    ran_before: z.boolean(),
    /** IANA name for dates in text columns and for days in the reading log; null is UTC. */
    time_zone: z.string().nullable(),
  })
  .meta({ id: "Profile" });
export type Profile = z.infer<typeof Profile>;
