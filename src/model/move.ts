import * as z from "zod";
import { KnownDigest } from "./digest.ts";
import { Base, Declined, Observation } from "./plan.ts";

/** What the library remembers of a book for one account, as far as a move to another one looks at it. */
export const RememberedBook = z
  .strictObject({
    book_id: z.number().int(),
    base: Base.nullable(),
    /** Oldest first. */
    observations: z.array(Observation),
    declined: z.array(Declined),
    digests: z.array(KnownDigest),
  })
  .meta({ id: "RememberedBook" });
export type RememberedBook = z.infer<typeof RememberedBook>;
