import * as z from "zod";

/** A column's value on its way through JSON; dates are ISO 8601 with an offset. */
export const Cell = z.union([z.string(), z.number(), z.boolean(), z.null()]).meta({ id: "Cell" });
export type Cell = z.infer<typeof Cell>;
