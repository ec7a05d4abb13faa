import * as z from "zod";

/** One thing that was tried, and how it went; `error` is the name and data of a SyncError, or null. */
export const Check = z
  .strictObject({
    name: z.enum(["find_server", "log_in", "ask", "list", "ask_book"]),
    ok: z.boolean(),
    /** Milliseconds. */
    took: z.number(),
    error: z
      .strictObject({ name: z.string(), data: z.record(z.string(), z.union([z.string(), z.number(), z.null()])) })
      .nullable(),
  })
  .meta({ id: "Check" });
export type Check = z.infer<typeof Check>;

/** What was learned of one thing, and what to do about it. In English, and nobody's name in it: it is pasted for others to read. */
export const Finding = z
  .strictObject({
    about: z.enum(["address", "proxy", "certificate", "login", "clock", "server", "matching", "book"]),
    level: z.enum(["good", "note", "bad"]),
    says: z.string(),
    /** Empty where there is nothing to do. */
    advice: z.string(),
  })
  .meta({ id: "Finding" });
export type Finding = z.infer<typeof Finding>;

/** What can be told of an account's server without changing anything on it. No secret, and no user name. */
export const Diagnosis = z
  .strictObject({
    /** The address that really answers; null when none does. */
    url: z.string().nullable(),
    checks: z.array(Check),
    findings: z.array(Finding),
  })
  .meta({ id: "Diagnosis" });
export type Diagnosis = z.infer<typeof Diagnosis>;
