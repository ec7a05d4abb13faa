import * as z from "zod";

/** How fast a server is asked. */
export const Pacing = z
  .strictObject({
    /** Requests under way at once. */
    at_once: z.number().int().min(1),
    /** Milliseconds from the start of one request to that of the next; 0 for a server that never had too many. */
    apart_ms: z.number().min(0),
  })
  .meta({ id: "Pacing" });
export type Pacing = z.infer<typeof Pacing>;
