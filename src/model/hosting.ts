import * as z from "zod";

/** What a server knows of the one that it stands behind, which alone speaks with it. */
export const Behind = z
  .strictObject({
    /** What the one in front has to say with each request, so that nobody else on the machine is answered. */
    secret: z.string().min(32),
    /** Below which path it is offered there: `/kosync`, or `/calibre/kosync`. */
    base_path: z.string().regex(/^(?:\/[^/?#\s]+)+$/),
    /** Whether the one in front has checked who asks: then every name is believed, and has an account. */
    vouches: z.boolean(),
  })
  .meta({ id: "Behind" });
export type Behind = z.infer<typeof Behind>;

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
    /** Null where readers speak with it themselves. */
    behind: Behind.nullable(),
  })
  .meta({ id: "HostingOptions" });
export type HostingOptions = z.infer<typeof HostingOptions>;

/** Whether it runs, and what to enter in KOReader, likeliest address first. */
export const HostingStatus = z
  .strictObject({ running: z.boolean(), port: z.number().int().nullable(), urls: z.array(z.string()) })
  .meta({ id: "HostingStatus" });
export type HostingStatus = z.infer<typeof HostingStatus>;

/** A place that a reader has put on the server, once it is on the disk. */
export const ArrivedPlace = z
  .strictObject({
    username: z.string(),
    document: z.string(),
    device: z.string(),
    device_id: z.string().nullable(),
    percentage: z.number(),
    /** Epoch seconds. */
    timestamp: z.number().int(),
  })
  .meta({ id: "ArrivedPlace" });
export type ArrivedPlace = z.infer<typeof ArrivedPlace>;

/** Somebody asked the server, and was let in or not. */
export const Visit = z.strictObject({ username: z.string(), admitted: z.boolean() }).meta({ id: "Visit" });
export type Visit = z.infer<typeof Visit>;

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
