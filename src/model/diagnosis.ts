import * as z from "zod";

/** One thing that was tried, and how it went; `error` is the name and data of a SyncError, or null. */
export const Check = z
  .strictObject({
    name: z.enum(["find_server", "log_in", "ask", "list"]),
    ok: z.boolean(),
    /** Milliseconds. */
    took: z.number(),
    error: z
      .strictObject({ name: z.string(), data: z.record(z.string(), z.union([z.string(), z.number(), z.null()])) })
      .nullable(),
  })
  .meta({ id: "Check" });
export type Check = z.infer<typeof Check>;

/** What can be told of an account's server without changing anything on it. No secret, and no user name. */
export const Diagnosis = z
  .strictObject({
    /** The address that really answers; null when none does. */
    url: z.string().nullable(),
    checks: z.array(Check),
  })
  .meta({ id: "Diagnosis" });
export type Diagnosis = z.infer<typeof Diagnosis>;
