import * as z from "zod";

/**
 * How far a run asks. `quiet`: nobody asked for it, so only what is due. `usual`: a click, with what is likely and some
 * of the rest besides. `everything`: whatever was asked before. `chosen`: the reader chose these very books, and no
 * daily allowance keeps them back.
 */
export const Reach = z.enum(["quiet", "usual", "everything", "chosen"]).meta({ id: "Reach" });
export type Reach = z.infer<typeof Reach>;
