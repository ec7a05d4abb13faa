/** A password from standard input: never on the command line, where every process can read it. */
import { createHash } from "node:crypto";

/** kosync's key for the password on the stream: its MD5 in lowercase hex. One trailing line end does not belong to it. */
export async function userkeyOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  const password = Buffer.concat(chunks)
    .toString("utf8")
    .replace(/\r?\n$/, "");
  return createHash("md5").update(password).digest("hex");
}
