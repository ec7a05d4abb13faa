import * as z from "zod";

/** How the server of one's own is to run. */
export const HostingOptions = z
  .strictObject({
    /** `127.0.0.1` for this machine alone, `0.0.0.0` for the home. */
    host: z.string().min(1),
    /** 0 takes any free one. */
    port: z.number().int().min(0).max(65_535),
    /** Folder of its database. */
    data: z.string().min(1),
    registration: z.enum(["open", "closed"]),
  })
  .meta({ id: "HostingOptions" });
export type HostingOptions = z.infer<typeof HostingOptions>;

/** Whether it runs, and what to enter in KOReader, likeliest address first. */
export const HostingStatus = z
  .strictObject({ running: z.boolean(), port: z.number().int().nullable(), urls: z.array(z.string()) })
  .meta({ id: "HostingStatus" });
export type HostingStatus = z.infer<typeof HostingStatus>;

/** One thing done to its users; the answer is always the list of them. */
export const HostingUserChange = z
  .discriminatedUnion("action", [
    z.strictObject({ action: z.literal("list"), data: z.string().min(1) }),
    z.strictObject({
      action: z.literal("add"),
      data: z.string().min(1),
      username: z.string().min(1),
      userkey: z.string().min(1),
    }),
    z.strictObject({
      action: z.literal("password"),
      data: z.string().min(1),
      username: z.string().min(1),
      userkey: z.string().min(1),
    }),
    z.strictObject({ action: z.literal("delete"), data: z.string().min(1), username: z.string().min(1) }),
  ])
  .meta({ id: "HostingUserChange" });
export type HostingUserChange = z.infer<typeof HostingUserChange>;

/** What became of a new account or password. Unfit is a name that no header can carry, and the empty password. */
export type AccountChange = "done" | "taken" | "unknown" | "unfit_name" | "unfit_password";
