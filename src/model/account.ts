import * as z from "zod";

/** How a server's certificate is judged; per account, never for all. */
export const Tls = z
  .discriminatedUnion("mode", [
    z.strictObject({ mode: z.literal("system") }),
    z.strictObject({ mode: z.literal("ca_file"), path: z.string().min(1) }),
    /** SHA-256 of the certificate, lowercase hex without colons. */
    z.strictObject({ mode: z.literal("fingerprint"), sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
    z.strictObject({ mode: z.literal("none") }),
  ])
  .meta({ id: "Tls" });
export type Tls = z.infer<typeof Tls>;

/** A login on a kosync server. The userkey is the MD5 of the password and as good as the password: never logged. */
export const Account = z
  .strictObject({
    id: z.string().min(1),
    url: z.string().min(1),
    username: z.string().min(1),
    userkey: z.string().min(1),
    headers: z.record(z.string(), z.string()),
    tls: Tls,
    /** URL of the proxy calibre would use, or null for none. */
    proxy: z.string().nullable(),
  })
  .meta({ id: "Account" });
export type Account = z.infer<typeof Account>;
